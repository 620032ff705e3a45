namespace KestrelFdmTransport.Polling;

/// <summary>
/// What one set has done since its loop began. Written by the loop, read by anybody who wants a rough figure.
/// </summary>
internal sealed class PollingSetCounters
{
    internal long Polls { get; set; }

    internal long Dispatched { get; set; }

    /// <summary>How long all that were served have waited in the set's queue, together, in clock ticks.</summary>
    internal long Delay { get; set; }
}
