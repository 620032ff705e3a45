namespace KestrelFdmTransport.Polling;

/// <summary>What one set has done since its loop began. Written by the loop, read by anybody who wants a rough figure.</summary>
internal sealed class PollingSetCount
{
    internal long Polls { get; set; }

    internal long Served { get; set; }
}
