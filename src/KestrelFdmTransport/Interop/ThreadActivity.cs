namespace KestrelFdmTransport.Interop;

/// <summary>What the kernel says about a thread.</summary>
internal enum ThreadActivity
{
    /// <summary>Unknown: there is no /proc, no descriptor is left to read it with, or the thread has ended.</summary>
    Unknown,

    /// <summary>The thread runs, or would if it had a CPU.</summary>
    Ready,

    /// <summary>A debugger or a signal has stopped the thread, or it waits for a page of memory.</summary>
    Stopped,

    /// <summary>
    /// The thread waits in a system call in which the runtime waits as well: for a collection, for the compiler, for a
    /// lock.
    /// </summary>
    InDoubt,

    /// <summary>The thread waits in another system call, for a file, a socket or a process.</summary>
    Waits,
}
