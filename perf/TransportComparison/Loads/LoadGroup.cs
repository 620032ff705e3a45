namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>A group of clients at work.</summary>
internal sealed class LoadGroup(ClientGroup clients)
{
    internal ClientGroup Clients { get; } = clients;

    internal byte[] Bytes { get; } = clients.Request.ToBytes(clients.Depth);

    internal byte[] SlowBytes { get; } = clients.SlowRequest?.ToBytes(clients.Depth) ?? [];

    internal LatencyHistogram Latencies { get; } = new();

    internal LatencyHistogram SlowLatencies { get; } = new();

    internal long Requests => Latencies.Count + SlowLatencies.Count;

    /// <summary>None of its requests was answered.</summary>
    internal bool IsStarved { get; set; }

    internal void Clear()
    {
        Latencies.Clear();
        SlowLatencies.Clear();
    }

    internal GroupOutcome Outcome(double seconds) => GroupOutcome.Of(Latencies, seconds) with
    {
        Rate = IsStarved ? 0 : Latencies.Count / seconds,
        SlowRate = SlowLatencies.Count / seconds,
        SlowP99 = SlowLatencies.Percentile(99),
    };
}
