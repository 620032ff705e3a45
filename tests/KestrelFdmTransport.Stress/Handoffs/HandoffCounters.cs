using System.Globalization;
using System.Threading;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>What has happened, and what should not have.</summary>
public sealed class HandoffCounters : StressCounters
{
    private long _completed;
    private long _requests;
    private long _bytes;

    public long Handoffs { get; internal set; }

    public int Rounds { get; internal set; }

    /// <summary>Connections whose every byte or request was answered.</summary>
    public long Completed => Volatile.Read(ref _completed);

    public long Requests => Volatile.Read(ref _requests);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Handoffs} hand-offs in {Rounds} rounds; {Connections} connections: {Completed} completed, {Resets} reset by "
            + $"clients, {Aborts} aborted by the server; {Requests} requests, {_bytes / 1_000_000} MB echoed; "
            + $"{Problems.Count} problems");

    internal void Complete() => Interlocked.Increment(ref _completed);

    internal void CountRequests(int count) => Interlocked.Add(ref _requests, count);

    internal void CountBytes(long count) => Interlocked.Add(ref _bytes, count);
}
