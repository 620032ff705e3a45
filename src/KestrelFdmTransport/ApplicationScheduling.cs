namespace KestrelFdmTransport;

/// <summary>Where application code runs when a connection has something for it.</summary>
public enum ApplicationScheduling
{
    /// <summary>
    /// The transport decides. At present this is the same as <see cref="ThreadPool"/>; it will become inline execution in which a
    /// callback that holds its loop for long hands the loop over to another thread.
    /// </summary>
    Adaptive = 0,

    /// <summary>
    /// On the event loop's thread. The fastest, and only right if the application never blocks and never computes for long: until
    /// its code returns, every other connection of that loop waits.
    /// </summary>
    Inline = 1,

    /// <summary>On the thread pool, as with the Sockets transport.</summary>
    ThreadPool = 2,
}
