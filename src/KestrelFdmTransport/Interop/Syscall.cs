namespace KestrelFdmTransport.Interop;

/// <summary>The system calls that <see cref="SyscallFaultInjection"/> can make fail.</summary>
internal enum Syscall
{
    Accept,
    Receive,
    Send,
    SendMessage,
    EpollWait,
    EpollAdd,
    EpollDelete,

    /// <summary>The write to an eventfd.</summary>
    WriteEventFd,
    Close,
    EpollCreate,
    CreateEventFd,
    Socket,
    Connect,

    /// <summary>Takes a descriptor's pending error.</summary>
    GetSocketError,
    SetNoDelay,
    LocalAddress,
    Duplicate,
    Shutdown,

    /// <summary>The connect that resets.</summary>
    Reset,
    Linger,
    BytesAvailable,

    /// <summary>Opening a file in /proc to see what a thread does.</summary>
    ReadProcFile,
}
