namespace KestrelFdmTransport;

/// <summary>What one event loop has done since it started. Read without stopping the loop, so figures may be a moment apart.</summary>
public sealed class EventLoopStatistics
{
    /// <summary>Gets the name of the loop's thread, <c>fdm-loop-0</c> for the first.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the number of connections that the loop holds.</summary>
    public required int Connections { get; init; }

    /// <summary>Gets the number of connections that the loop has accepted.</summary>
    public required long Accepts { get; init; }

    /// <summary>Gets the number of turns: one pass over the polling sets each.</summary>
    public required long Turns { get; init; }

    /// <summary>Gets the number of times the loop asked the kernel for events.</summary>
    public required long Harvests { get; init; }

    /// <summary>Gets the number of events that the kernel returned.</summary>
    public required long Events { get; init; }

    /// <summary>Gets the figures of the set of connections whose events come often.</summary>
    public required PollingSetStatistics Hot { get; init; }

    /// <summary>Gets the figures of the set of connections that were served a moment ago.</summary>
    public required PollingSetStatistics Warm { get; init; }

    /// <summary>Gets the figures of the set of all other connections.</summary>
    public required PollingSetStatistics Cold { get; init; }
}
