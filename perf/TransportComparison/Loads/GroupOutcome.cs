namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>What a group of connections has seen; times in microseconds.</summary>
internal sealed record GroupOutcome(double Rate, double P50, double P99, double P999)
{
    /// <summary>Of the requests that are slow by themselves.</summary>
    internal double SlowRate { get; init; }

    internal double SlowP99 { get; init; }

    internal static GroupOutcome Of(LatencyHistogram latencies, double seconds)
        => new(
            latencies.Count / seconds, latencies.Percentile(50), latencies.Percentile(99), latencies.Percentile(99.9));
}
