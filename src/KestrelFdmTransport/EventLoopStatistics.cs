using System;

namespace KestrelFdmTransport;

/// <summary>
/// Counters of one event loop since it started. They are read without stopping the loop, so they may differ by a
/// moment.
/// </summary>
public sealed class EventLoopStatistics
{
    /// <summary>Gets the name of the loop's thread, <c>fdm-loop-0</c> for the first.</summary>
    public required string Name { get; init; }

    /// <summary>Gets whether the loop does its work.</summary>
    public EventLoopState State { get; init; }

    /// <summary>Gets the number of connections that the loop owns.</summary>
    public int Connections { get; init; }

    /// <summary>Gets the number of connections that the loop accepted.</summary>
    public long Accepts { get; init; }

    /// <summary>Gets the number of iterations of the loop.</summary>
    public long Iterations { get; init; }

    /// <summary>Gets the number of calls of <c>epoll_wait</c>.</summary>
    public long EpollWaits { get; init; }

    /// <summary>Gets the number of events that the kernel returned.</summary>
    public long Events { get; init; }

    /// <summary>Gets the number of callbacks that held the loop until another thread took it over.</summary>
    public long Stalls { get; init; }

    /// <summary>Gets where callbacks have run.</summary>
    public CallbackStatistics Callbacks { get; init; } = new();

    /// <summary>Gets what the loop's connections have moved.</summary>
    public TrafficStatistics Traffic { get; init; } = new();

    /// <summary>Gets the number of times that receiving paused because the application was behind.</summary>
    public long ReadPauses { get; init; }

    /// <summary>Gets the number of connections aborted by <see cref="FdmEndpointOptions.IdleTimeout"/>.</summary>
    public long IdleTimeouts { get; init; }

    /// <summary>Gets the number of times that accepting paused because descriptors or memory ran out.</summary>
    public long AcceptPauses { get; init; }

    /// <summary>Gets the number of hot connections that migrated from the loop to a less utilized one.</summary>
    public long Migrations { get; init; }

    /// <summary>
    /// Gets the part of the loop's time, 0 to 1, in which it had work; measured twenty times a second.
    /// </summary>
    public double Utilization { get; init; }

    /// <summary>
    /// Gets the sum of the live counters of the loop's connections, 0 to 8 each; measured as <see cref="Utilization"/>
    /// is.
    /// </summary>
    public int Activity { get; init; }

    /// <summary>Gets how long the oldest ready connection has waited.</summary>
    public TimeSpan OldestReady { get; init; }

    /// <summary>Gets the statistics of the set of connections whose events come often.</summary>
    public PollingSetStatistics Hot { get; init; } = new();

    /// <summary>Gets the statistics of the set of connections that were dispatched a moment ago.</summary>
    public PollingSetStatistics Warm { get; init; } = new();

    /// <summary>Gets the statistics of the set of all other connections.</summary>
    public PollingSetStatistics Cold { get; init; } = new();
}
