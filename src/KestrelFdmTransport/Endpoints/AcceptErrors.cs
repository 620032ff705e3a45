using System.Globalization;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>What the errors of accepting mean.</summary>
internal static class AcceptErrors
{
    /// <summary>
    /// True if the error is that of one client, which was gone before it was accepted; the next one may be there
    /// already.
    /// </summary>
    internal static bool IsTransient(int errno)
        => !Errno.IsExhaustion(errno)
            && errno is not (Errno.EBADF or Errno.EINVAL or Errno.ENOTSOCK or Errno.EOPNOTSUPP);

    /// <summary>
    /// Which limit was reached, for the log. .NET's text of <c>EMFILE</c> is that of the system's limit.
    /// </summary>
    internal static string Reason(int errno, DescriptorHeadroom headroom) => errno switch
    {
        Errno.EMFILE => string.Create(
            CultureInfo.InvariantCulture,
            $"the process is limited to {headroom.Limit} descriptors (ulimit -n), of which the last "
                + $"{headroom.Reserved} are reserved"),
        Errno.ENFILE => "the system-wide limit of open files is reached (fs.file-max)",
        Errno.ENOSPC => "this user's limit of watched descriptors is reached (fs.epoll.max_user_watches)",
        Errno.ENOMEM or Errno.ENOBUFS => "the kernel has no memory for another connection",
        _ => SocketErrors.Exception(errno).Message,
    };
}
