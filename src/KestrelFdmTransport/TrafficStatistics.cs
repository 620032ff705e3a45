namespace KestrelFdmTransport;

/// <summary>What the connections of an event loop have moved, and which of them the application has opened.</summary>
public sealed class TrafficStatistics
{
    /// <summary>Gets how many bytes have been received.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Gets how many bytes the kernel has taken to send.</summary>
    public long BytesSent { get; init; }

    /// <summary>Gets the number of outgoing connections that were opened.</summary>
    public long Connects { get; init; }

    /// <summary>
    /// Gets the number of attempts to open an outgoing connection that failed: refused, timed out or cancelled.
    /// </summary>
    public long ConnectFailures { get; init; }
}
