namespace KestrelFdmTransport;

/// <summary>Where the callbacks of an event loop's connections have run.</summary>
public sealed class CallbackStatistics
{
    /// <summary>Gets the number of callbacks that ran on the loop.</summary>
    public long Inline { get; init; }

    /// <summary>Gets the number of callbacks that were given to the thread pool.</summary>
    public long ThreadPool { get; init; }

    /// <summary>Gets the number of callbacks that were given to the blocking pool.</summary>
    public long BlockingPool { get; init; }
}
