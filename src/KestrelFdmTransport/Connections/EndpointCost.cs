using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>What the callbacks of an endpoint's connections have cost: a new connection has no past of its own.</summary>
/// <remarks>Written when connections end and when they stall, without synchronisation: an average may lose a sample.</remarks>
internal sealed class EndpointCost
{
    private static readonly long s_memory = Stopwatch.Frequency;

    private long _average;
    private long _blockedUntil;

    /// <summary>True if a callback has blocked within the last second.</summary>
    internal bool Blocks
    {
        get
        {
            long until = Volatile.Read(ref _blockedUntil);
            return until != 0 && Stopwatch.GetTimestamp() < until;
        }
    }

    internal CallbackCost ForNewConnection() => CallbackCost.Expect(Volatile.Read(ref _average), Blocks);

    internal void OnConnectionEnded(long average)
    {
        long before = Volatile.Read(ref _average);
        Volatile.Write(ref _average, before + ((average - before) / 8));
    }

    internal void OnBlocked() => Volatile.Write(ref _blockedUntil, Stopwatch.GetTimestamp() + s_memory);
}
