namespace KestrelFdmTransport;

/// <summary>Whether an event loop does its work.</summary>
public enum EventLoopState
{
    /// <summary>The loop runs.</summary>
    Running = 0,

    /// <summary>
    /// The kernel refuses to wake the loop from its sleep (log event 42). It is tried again every millisecond; until
    /// then the loop reacts to the network only.
    /// </summary>
    CannotBeWoken = 1,

    /// <summary>
    /// The loop has failed again soon after a restart, or could not be restarted (log event 40). Its connections have
    /// been aborted, the endpoints accept no more, and the host is stopped.
    /// </summary>
    Failed = 2,
}
