namespace KestrelFdmTransport;

/// <summary>The threads of a transport besides those that own its event loops. Figures may be a moment apart.</summary>
public sealed class ThreadStatistics
{
    /// <summary>Gets the number of times a loop was taken over from a callback that held it.</summary>
    public required long Handoffs { get; init; }

    /// <summary>Gets the number of threads that wait for a loop to take over.</summary>
    public required int StandbyThreads { get; init; }

    /// <summary>Gets the number of threads that are inside a callback that has lost its loop.</summary>
    public required int StalledThreads { get; init; }

    /// <summary>Gets the number of threads of the blocking pool.</summary>
    public required int BlockingThreads { get; init; }
}
