using System;

namespace KestrelFdmTransport;

/// <summary>The threads of a transport besides those that own its event loops. Values may be a moment apart.</summary>
public sealed class ThreadStatistics
{
    /// <summary>Gets the number of times that another thread took over a loop from a stalled callback.</summary>
    public long Handoffs { get; init; }

    /// <summary>Gets the number of threads that wait to take over a loop.</summary>
    public int StandbyThreads { get; init; }

    /// <summary>Gets the number of threads that are inside a callback that has lost its loop.</summary>
    public int StalledThreads { get; init; }

    /// <summary>
    /// Gets how long the callbacks that have lost their loop have taken, in all, from their beginning to their end.
    /// Those that have not ended do not count yet.
    /// </summary>
    public TimeSpan StallTime { get; init; }

    /// <summary>
    /// Gets whether <see cref="FdmTransportOptions.MaxStandbyThreads"/> callbacks were stalled at once, and fewer than
    /// half of them have returned. No application code runs on the event loops meanwhile.
    /// </summary>
    public bool IsStandbyLimitReached { get; init; }

    /// <summary>Gets the number of threads of the blocking pool.</summary>
    public int BlockingThreads { get; init; }
}
