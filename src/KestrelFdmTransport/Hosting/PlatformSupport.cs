using System;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Hosting;

/// <summary>Finds out at start whether the system calls of the hot path are there and allowed.</summary>
internal static class PlatformSupport
{
    private static string? s_reason;
    private static volatile bool s_known;

    /// <summary>
    /// Null if the transport can run here; otherwise the reason. Checked again if descriptors or memory were short.
    /// </summary>
    internal static string? UnsupportedReason
    {
        get
        {
            if (s_known)
            {
                return s_reason;
            }

            string? reason = Run(out bool known);
            if (known)
            {
                // Two threads that race compute the same result.
                s_reason = reason;
                s_known = true;
            }

            return reason;
        }
    }

    /// <param name="known">False if the answer may be another one when descriptors or memory are there again.</param>
    internal static string? Run(out bool known)
    {
        known = true;
        if (!OperatingSystem.IsLinux())
        {
            return "the FDM transport runs on Linux only.";
        }

        try
        {
            string? reason = Probe(out int errno);
            known = !Errno.IsExhaustion(errno);
            return reason;
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            return $"the C library lacks a function that the transport needs: {exception.Message}";
        }
    }

    /// <param name="errno">The error that says that nothing was found out, or one of a call that is refused.</param>
    private static unsafe string? Probe(out int errno)
    {
        errno = 0;
        int epoll = Sys.EpollCreate();
        int first = Sys.CreateEventFd();
        int second = Sys.CreateEventFd();
        try
        {
            if (epoll < 0)
            {
                return Refused("epoll_create1", epoll, out errno);
            }

            if (first < 0 || second < 0)
            {
                return Refused("eventfd", Math.Min(first, second), out errno);
            }

            int added = Sys.EpollAdd(epoll, first, EpollFlags.In | EpollFlags.EdgeTriggered, 1);
            if (added < 0)
            {
                return Refused("epoll_ctl", added, out errno);
            }

            int exclusive = Sys.EpollAdd(epoll, second, EpollFlags.In | EpollFlags.Exclusive, 2);
            if (exclusive < 0)
            {
                return Refused("epoll_ctl with EPOLLEXCLUSIVE (Linux 4.5)", exclusive, out errno);
            }

            // On a descriptor that is no socket each of these fails with ENOTSOCK, unless it is missing or forbidden.
            byte nothing = 0;
            var vector = new IoVector { Base = &nothing, Length = 0 };
            return RefusedOnly("accept4", Sys.Accept(first, null, null))
                ?? RefusedOnly("recv", Sys.Receive(first, Span<byte>.Empty))
                ?? RefusedOnly("send", Sys.Send(first, ReadOnlySpan<byte>.Empty))
                ?? RefusedOnly("sendmsg", Sys.Send(first, &vector, 1))
                ?? RefusedOnly("shutdown", Sys.Shutdown(first))
                ?? RefusedOnly("connect", Sys.ResetConnection(first));
        }
        finally
        {
            CloseIfOpen(epoll);
            CloseIfOpen(first);
            CloseIfOpen(second);
        }
    }

    private static string? RefusedOnly(string call, int result)
        => result is -Errno.ENOSYS or -Errno.EPERM or -Errno.EACCES ? Refused(call, result, out _) : null;

    private static string Refused(string call, int result, out int errno)
    {
        errno = -result;
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"the system call {call} is refused here (errno {errno}).");
    }

    private static void CloseIfOpen(int descriptor)
    {
        if (descriptor >= 0)
        {
            Sys.Close(descriptor);
        }
    }
}
