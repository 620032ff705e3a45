namespace KestrelFdmTransport;

/// <summary>The threads of a transport besides those that own its event loops. Values may be a moment apart.</summary>
public sealed class ThreadStatistics
{
    /// <summary>Gets the number of times that another thread took over a loop from a stalled callback.</summary>
    public required long Handoffs { get; init; }

    /// <summary>Gets the number of threads that wait to take over a loop.</summary>
    public required int StandbyThreads { get; init; }

    /// <summary>Gets the number of threads that are inside a callback that has lost its loop.</summary>
    public required int StalledThreads { get; init; }

    /// <summary>Gets the number of threads of the blocking pool.</summary>
    public required int BlockingThreads { get; init; }
}
