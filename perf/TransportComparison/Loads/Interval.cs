using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>A time in which a server worked in one way; see <see cref="AlternatingRun"/>.</summary>
internal sealed class Interval(int way, int groups)
{
    internal int Way { get; } = way;

    /// <summary>By the group of clients. Belong to the thread that makes the load until it has ended.</summary>
    internal LatencyHistogram[] Latencies { get; } =
        [.. Enumerable.Range(0, groups).Select(_ => new LatencyHistogram())];
}
