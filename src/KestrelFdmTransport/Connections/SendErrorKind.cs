namespace KestrelFdmTransport.Connections;

/// <summary>What may go wrong in sending.</summary>
internal enum SendErrorKind
{
    /// <summary>Something threw that should not: a pool's memory when it was looked at.</summary>
    Unexpected,

    /// <summary>The peer has reset the connection.</summary>
    Reset,

    /// <summary>The kernel refused the bytes for a reason of its own.</summary>
    KernelError,

    /// <summary>The application has closed the socket that it took.</summary>
    SocketDisposed,
}
