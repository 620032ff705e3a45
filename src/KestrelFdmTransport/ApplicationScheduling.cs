namespace KestrelFdmTransport;

/// <summary>Where the callbacks of a connection run.</summary>
public enum ApplicationScheduling
{
    /// <summary>
    /// On the event loop's thread, as long as that is good for the loop. A callback that holds it longer than
    /// <see cref="FdmTransportOptions.StallThreshold"/> loses the loop to another thread; connections whose callbacks
    /// compute for long run on the thread pool, those whose callbacks block on threads of the transport's own.
    /// </summary>
    Adaptive = 0,

    /// <summary>
    /// On the event loop's thread. The fastest, and only right if the application never blocks and never computes for
    /// long: until its code returns, every other connection of that loop waits. Code whose reads and flushes never wait
    /// continues on the thread pool after about a millisecond.
    /// </summary>
    Inline = 1,

    /// <summary>On the thread pool, as with the Sockets transport.</summary>
    ThreadPool = 2,
}
