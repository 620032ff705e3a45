using System.Net.Sockets;

namespace KestrelFdmTransport.Interop;

/// <summary>Turns error numbers into the exceptions that <see cref="Socket"/> throws for them.</summary>
internal static class SocketErrors
{
    internal static SocketException Exception(int errno) => new((int)FromErrno(errno));

    /// <param name="errno">The number of the error.</param>
    /// <param name="message">What the reader should do about it.</param>
    internal static SocketException Exception(int errno, string message) => new((int)FromErrno(errno), message);

    internal static SocketError FromErrno(int errno) => errno switch
    {
        Errno.ECONNRESET => SocketError.ConnectionReset,
        // What Socket reports for EPIPE.
        Errno.EPIPE => SocketError.Shutdown,
        Errno.EAGAIN => SocketError.WouldBlock,
        Errno.EINTR => SocketError.Interrupted,
        Errno.EBADF => SocketError.OperationAborted,
        Errno.EACCES => SocketError.AccessDenied,
        Errno.EFAULT => SocketError.Fault,
        Errno.EINVAL => SocketError.InvalidArgument,
        Errno.EMFILE or Errno.ENFILE => SocketError.TooManyOpenSockets,
        Errno.ENOTSOCK => SocketError.NotSocket,
        Errno.EMSGSIZE => SocketError.MessageSize,
        Errno.EOPNOTSUPP => SocketError.OperationNotSupported,
        Errno.EADDRINUSE => SocketError.AddressAlreadyInUse,
        Errno.EADDRNOTAVAIL => SocketError.AddressNotAvailable,
        Errno.ENETDOWN => SocketError.NetworkDown,
        Errno.ENETUNREACH => SocketError.NetworkUnreachable,
        Errno.ENETRESET => SocketError.NetworkReset,
        Errno.ECONNABORTED => SocketError.ConnectionAborted,
        Errno.ENOBUFS or Errno.ENOMEM => SocketError.NoBufferSpaceAvailable,
        Errno.ENOTCONN => SocketError.NotConnected,
        Errno.ETIMEDOUT => SocketError.TimedOut,
        Errno.ECONNREFUSED => SocketError.ConnectionRefused,
        Errno.EHOSTDOWN => SocketError.HostDown,
        Errno.EHOSTUNREACH => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };

    /// <summary>The errors that Kestrel's Sockets transport reports as a reset of the connection.</summary>
    internal static bool IsReset(int errno) => errno is Errno.ECONNRESET or Errno.EPIPE;
}
