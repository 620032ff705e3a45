namespace KestrelFdmTransport.Polling;

/// <summary>
/// Counters of one set since its loop began. The loop writes them; other threads may read them as approximate figures.
/// </summary>
internal sealed class PollingSetCounters
{
    internal long Polls { get; set; }

    internal long Dispatched { get; set; }

    /// <summary>Total queueing time of all dispatched connections, in clock ticks.</summary>
    internal long Delay { get; set; }
}
