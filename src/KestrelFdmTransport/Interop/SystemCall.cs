namespace KestrelFdmTransport.Interop;

/// <summary>The system calls that <see cref="SystemCallFaults"/> can have fail.</summary>
internal enum SystemCall
{
    Accept,
    Receive,
    Send,
    SendMessage,
    EpollWait,
    EpollAdd,
    EpollDelete,

    /// <summary>The write to an eventfd.</summary>
    Signal,
    Close,
    EpollCreate,
    EventDescriptor,
    Socket,
    Connect,

    /// <summary>Takes a descriptor's pending error.</summary>
    TakeError,
    NoDelay,
    LocalAddress,
    Duplicate,
    Shutdown,

    /// <summary>The connect that resets.</summary>
    Reset,
    Linger,
    Readable,

    /// <summary>Opening a file in /proc to see what a thread does.</summary>
    ReadProcFile,
}
