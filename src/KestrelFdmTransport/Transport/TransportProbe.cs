using System;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Transport;

/// <summary>Finds out at start whether the system calls of the hot path are there and allowed.</summary>
internal static class TransportProbe
{
    private static readonly Lazy<string?> s_result = new(Run);

    /// <summary>Null if the transport can run here; otherwise why not.</summary>
    internal static string? Unsupported => s_result.Value;

    private static string? Run()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "the FDM transport runs on Linux only.";
        }

        try
        {
            return Probe();
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            return $"the C library lacks a function that the transport needs: {exception.Message}";
        }
    }

    private static unsafe string? Probe()
    {
        int epoll = Sys.EpollCreate();
        int first = Sys.EventDescriptor();
        int second = Sys.EventDescriptor();
        try
        {
            if (epoll < 0)
            {
                return Refused("epoll_create1", epoll);
            }

            if (first < 0 || second < 0)
            {
                return Refused("eventfd", Math.Min(first, second));
            }

            int added = Sys.EpollAdd(epoll, first, EpollFlags.In | EpollFlags.EdgeTriggered, 1);
            if (added < 0)
            {
                return Refused("epoll_ctl", added);
            }

            int exclusive = Sys.EpollAdd(epoll, second, EpollFlags.In | EpollFlags.Exclusive, 2);
            if (exclusive < 0)
            {
                return Refused("epoll_ctl with EPOLLEXCLUSIVE (Linux 4.5)", exclusive);
            }

            // On a descriptor that is no socket each of these fails with ENOTSOCK, unless it is missing or forbidden.
            byte nothing = 0;
            var vector = new IoVector { Base = &nothing, Length = 0 };
            return RefusedOnly("accept4", Sys.Accept(first, null, null))
                ?? RefusedOnly("recv", Sys.Receive(first, Span<byte>.Empty))
                ?? RefusedOnly("send", Sys.Send(first, ReadOnlySpan<byte>.Empty))
                ?? RefusedOnly("sendmsg", Sys.Send(first, &vector, 1))
                ?? RefusedOnly("shutdown", Sys.ShutdownBothWays(first))
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
        => result is -Errno.ENOSYS or -Errno.EPERM or -Errno.EACCES ? Refused(call, result) : null;

    private static string Refused(string call, int result)
        => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"the system call {call} is refused here (errno {-result}).");

    private static void CloseIfOpen(int descriptor)
    {
        if (descriptor >= 0)
        {
            Sys.Close(descriptor);
        }
    }
}
