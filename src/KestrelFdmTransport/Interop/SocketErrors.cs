using System.Net.Sockets;

namespace KestrelFdmTransport.Interop;

/// <summary>Turns error numbers into the exceptions that <see cref="Socket"/> throws for them.</summary>
internal static class SocketErrors
{
    /// <remarks>.NET's text of the process's limit is that of the system's.</remarks>
    internal static SocketException Exception(int errno)
        => errno == Errno.EMFILE ? Exception(errno, "Too many open files in this process") : new((int)FromErrno(errno));

    /// <param name="message">What the reader should do about it.</param>
    internal static SocketException Exception(int errno, string message) => new((int)FromErrno(errno), message);

    internal static SocketError FromErrno(int errno) => errno switch
    {
        0 => SocketError.Success,
        Errno.EPERM or Errno.EACCES => SocketError.AccessDenied,
        Errno.ENOENT or Errno.EADDRNOTAVAIL => SocketError.AddressNotAvailable,
        Errno.EINTR => SocketError.Interrupted,
        Errno.ENXIO => SocketError.HostNotFound,
        Errno.EBADF or Errno.ECANCELED => SocketError.OperationAborted,
        Errno.EAGAIN => SocketError.WouldBlock,
        Errno.EFAULT => SocketError.Fault,
        Errno.EINVAL => SocketError.InvalidArgument,
        Errno.EMFILE or Errno.ENFILE => SocketError.TooManyOpenSockets,

        // What Socket reports for EPIPE.
        Errno.EPIPE => SocketError.Shutdown,
        Errno.ENODATA => SocketError.NoData,
        Errno.ENOTSOCK => SocketError.NotSocket,
        Errno.EDESTADDRREQ => SocketError.DestinationAddressRequired,
        Errno.EMSGSIZE => SocketError.MessageSize,
        Errno.EPROTOTYPE => SocketError.ProtocolType,
        Errno.ENOPROTOOPT => SocketError.ProtocolOption,
        Errno.EPROTONOSUPPORT => SocketError.ProtocolNotSupported,
        Errno.ESOCKTNOSUPPORT => SocketError.SocketNotSupported,
        Errno.EOPNOTSUPP => SocketError.OperationNotSupported,
        Errno.EPFNOSUPPORT => SocketError.ProtocolFamilyNotSupported,
        Errno.EAFNOSUPPORT => SocketError.AddressFamilyNotSupported,
        Errno.EADDRINUSE => SocketError.AddressAlreadyInUse,
        Errno.ENETDOWN => SocketError.NetworkDown,
        Errno.ENETUNREACH => SocketError.NetworkUnreachable,
        Errno.ENETRESET => SocketError.NetworkReset,
        Errno.ECONNABORTED => SocketError.ConnectionAborted,
        Errno.ECONNRESET => SocketError.ConnectionReset,
        Errno.ENOBUFS => SocketError.NoBufferSpaceAvailable,
        Errno.EISCONN => SocketError.IsConnected,
        Errno.ENOTCONN => SocketError.NotConnected,
        Errno.ESHUTDOWN => SocketError.Disconnecting,
        Errno.ETIMEDOUT => SocketError.TimedOut,
        Errno.ECONNREFUSED => SocketError.ConnectionRefused,
        Errno.EHOSTDOWN => SocketError.HostDown,
        Errno.EHOSTUNREACH => SocketError.HostUnreachable,
        Errno.EALREADY => SocketError.AlreadyInProgress,
        Errno.EINPROGRESS => SocketError.InProgress,
        _ => SocketError.SocketError,
    };

    /// <summary>The errors that Kestrel's Sockets transport reports as a reset of the connection.</summary>
    internal static bool IsReset(int errno) => errno is Errno.ECONNRESET or Errno.EPIPE;
}
