using System;

namespace KestrelFdmTransport;

/// <summary>Counters of a polling set of an event loop since the loop started.</summary>
public sealed class PollingSetStatistics
{
    /// <summary>Gets the number of iterations in which the set was due.</summary>
    public long Polls { get; init; }

    /// <summary>Gets the number of dispatches of connections in the set.</summary>
    public long Dispatched { get; init; }

    /// <summary>Gets how long connections waited in the set's queue, on average over all dispatches.</summary>
    public TimeSpan MeanQueueDelay { get; init; }

    /// <summary>Gets the number of connections that wait in the set's queue.</summary>
    public int Queued { get; init; }

    /// <summary>The total that <see cref="MeanQueueDelay"/> is the mean of.</summary>
    internal TimeSpan QueueDelay { get; init; }
}
