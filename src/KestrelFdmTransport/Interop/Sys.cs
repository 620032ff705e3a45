using System;
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// System calls with the kernel's own convention: a negative result is the negated error number. Nothing here throws,
/// and <c>EINTR</c> is retried where a retry is right.
/// </summary>
internal static unsafe class Sys
{
    internal const int AddressFamilyUnspecified = 0;
    internal const int AddressFamilyUnix = 1;
    internal const int AddressFamilyInet = 2;
    internal const int AddressFamilyInet6 = 10;

    /// <summary>Room for any <c>struct sockaddr_storage</c>.</summary>
    internal const int AddressCapacity = 128;

    /// <summary>FIONREAD, which on Power is encoded otherwise than elsewhere.</summary>
    private static readonly nuint s_bytesReadable = IoctlBytesReadable(RuntimeInformation.ProcessArchitecture);

    /// <summary>Larger than the part that is read of any file in /proc.</summary>
    private const int ProcFileCapacity = 128;

    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int SocketTypeStream = 1;
    private const int ShutdownBoth = 2;
    private const int GetStatusFlags = 3;
    private const int SetStatusFlags = 4;
    private const int DuplicateCloseOnExec = 1030;
    private const int ResourceProcesses = 6;
    private const int ResourceDescriptors = 7;

    internal static int EpollCreate()
        => SyscallFaultInjection.TryInject(Syscall.EpollCreate, -1, out int fault)
            ? fault
            : Result(LibC.EpollCreate1(CloseOnExec));

    internal static int EpollAdd(int epoll, int descriptor, uint events, ulong token)
        => SyscallFaultInjection.TryInject(Syscall.EpollAdd, descriptor, out int fault)
            ? fault
            : EpollControl(epoll, EpollFlags.Add, descriptor, events, token);

    internal static int EpollDelete(int epoll, int descriptor)
        => SyscallFaultInjection.TryInject(Syscall.EpollDelete, descriptor, out int fault)
            ? fault
            : EpollControl(epoll, EpollFlags.Delete, descriptor, 0, 0);

    /// <summary>Not retried on EINTR: the loop computes its time-out anew.</summary>
    internal static int EpollWait(int epoll, EpollEventBuffer events, int timeoutMilliseconds)
        => SyscallFaultInjection.TryInject(Syscall.EpollWait, epoll, out int fault)
            ? fault
            : Result(LibC.EpollWait(epoll, events.Pointer, events.Capacity, timeoutMilliseconds));

    /// <summary>Sleeps for less than a second; a signal may cut it short.</summary>
    internal static void Sleep(int microseconds)
    {
        nint* duration = stackalloc nint[] { 0, microseconds * 1_000 };
        _ = LibC.NanoSleep(duration, null);
    }

    internal static int CreateEventFd()
        => SyscallFaultInjection.TryInject(Syscall.CreateEventFd, -1, out int fault)
            ? fault
            : Result(LibC.EventFd(0, CloseOnExec | NonBlocking));

    internal static int WriteEventFd(int eventDescriptor)
    {
        ulong one = 1;
        nint result;
        do
        {
            result = SyscallFaultInjection.TryInject(Syscall.WriteEventFd, eventDescriptor, out int fault)
                ? fault
                : Result(LibC.Write(eventDescriptor, (byte*)&one, sizeof(ulong)));
        }
        while (result == -Errno.EINTR);

        return (int)result;
    }

    /// <summary>
    /// Never retried: after EINTR Linux has released the number already, and another thread may own it by now.
    /// </summary>
    internal static int Close(int descriptor)
    {
        int result = Result(LibC.Close(descriptor));

        // Linux releases the number even when close reports an error.
        return SyscallFaultInjection.TryInject(Syscall.Close, descriptor, out int fault) ? fault : result;
    }

    internal static int Accept(int listener, byte* address, int* addressLength)
    {
        int result;
        do
        {
            result = SyscallFaultInjection.TryInject(Syscall.Accept, listener, out int fault)
                ? fault
                : Result(LibC.Accept4(listener, address, addressLength, CloseOnExec | NonBlocking));
        }
        while (result == -Errno.EINTR);

        return result;
    }

    /// <summary>Never blocks, even if an application that took the socket has made it blocking.</summary>
    internal static int Receive(int descriptor, Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            nint result;
            do
            {
                result = SyscallFaultInjection.TryInject(Syscall.Receive, descriptor, out int fault)
                    ? fault
                    : Result(LibC.Recv(descriptor, pointer, buffer.Length, DontWait));
            }
            while (result == -Errno.EINTR);

            return (int)result;
        }
    }

    internal static int Send(int descriptor, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            nint result;
            do
            {
                result = SyscallFaultInjection.TryInject(Syscall.Send, descriptor, out int fault)
                    ? fault
                    : Result(LibC.Send(descriptor, pointer, buffer.Length, DontWait | NoSignal));
            }
            while (result == -Errno.EINTR);

            return (int)result;
        }
    }

    internal static int Send(int descriptor, IoVector* vectors, int count)
    {
        var message = new MessageHeader { Vectors = vectors, VectorCount = count };
        nint result;
        do
        {
            result = SyscallFaultInjection.TryInject(Syscall.SendMessage, descriptor, out int fault)
                ? fault
                : Result(LibC.SendMsg(descriptor, &message, DontWait | NoSignal));
        }
        while (result == -Errno.EINTR);

        return (int)result;
    }

    internal static int Shutdown(int descriptor)
        => SyscallFaultInjection.TryInject(Syscall.Shutdown, descriptor, out int fault)
            ? fault
            : Result(LibC.Shutdown(descriptor, ShutdownBoth));

    /// <summary>
    /// True if the descriptor has hung up: nothing more can arrive, and a listen socket no longer listens. A Unix
    /// socket that was shut down still reports <c>SO_ACCEPTCONN</c>, but it has hung up.
    /// </summary>
    internal static bool HasHungUp(int descriptor)
    {
        // struct pollfd: the descriptor, then the requested and the returned events. POLLHUP needs no request.
        const short HungUp = 0x10;
        int* poll = stackalloc int[] { descriptor, 0 };
        return LibC.Poll(poll, 1, 0) == 1 && (((short*)poll)[3] & HungUp) != 0;
    }

    /// <summary>A stream socket, as <see cref="Accept"/> would make it.</summary>
    internal static int Socket(int addressFamily)
        => SyscallFaultInjection.TryInject(Syscall.Socket, -1, out int fault)
            ? fault
            : Result(LibC.Socket(addressFamily, SocketTypeStream | CloseOnExec | NonBlocking, 0));

    /// <summary>
    /// Begins to connect; -EINPROGRESS means that the descriptor becomes writable when it is decided.
    /// </summary>
    internal static int Connect(int descriptor, ReadOnlySpan<byte> address)
    {
        fixed (byte* pointer = address)
        {
            int result = SyscallFaultInjection.TryInject(Syscall.Connect, descriptor, out int fault)
                ? fault
                : Result(LibC.Connect(descriptor, pointer, address.Length));

            // An interrupted connect continues by itself. A second call would only return EALREADY.
            return result == -Errno.EINTR ? -Errno.EINPROGRESS : result;
        }
    }

    /// <summary>Resets a TCP connection at once and keeps the descriptor: connect(2) with <c>AF_UNSPEC</c>.</summary>
    internal static int ResetConnection(int descriptor)
    {
        ulong* address = stackalloc ulong[2];
        address[0] = AddressFamilyUnspecified;
        address[1] = 0;
        return SyscallFaultInjection.TryInject(Syscall.Reset, descriptor, out int fault)
            ? fault
            : Result(LibC.Connect(descriptor, (byte*)address, 2 * sizeof(ulong)));
    }

    internal static int LocalAddress(int descriptor, byte* address, int* addressLength)
        => SyscallFaultInjection.TryInject(Syscall.LocalAddress, descriptor, out int fault)
            ? fault
            : Result(LibC.GetSockName(descriptor, address, addressLength));

    internal static nuint IoctlBytesReadable(Architecture architecture)
        => architecture == Architecture.Ppc64le ? 0x4004667Fu : 0x541Bu;

    /// <summary>The bytes that wait in the receive queue, or a negated error number.</summary>
    internal static int BytesAvailable(int descriptor)
    {
        int count = 0;
        int result = SyscallFaultInjection.TryInject(Syscall.BytesAvailable, descriptor, out int fault)
            ? fault
            : Result(LibC.IoCtl(descriptor, s_bytesReadable, &count));
        return result < 0 ? result : count;
    }

    /// <summary>
    /// Makes calls on the descriptor return at once, as they do unless an application or another process has changed
    /// that.
    /// </summary>
    internal static void MakeNonBlocking(int descriptor)
    {
        int flags = LibC.FCntl(descriptor, GetStatusFlags, 0);
        if (flags >= 0 && (flags & NonBlocking) == 0)
        {
            _ = LibC.FCntl(descriptor, SetStatusFlags, flags | NonBlocking);
        }
    }

    internal static int Duplicate(int descriptor)
        => SyscallFaultInjection.TryInject(Syscall.Duplicate, descriptor, out int fault)
            ? fault
            : Result(LibC.FCntl(descriptor, DuplicateCloseOnExec, 0));

    /// <summary>The kernel's number of the calling thread; 0 if it cannot be learned.</summary>
    /// <remarks>
    /// By number, because older C libraries have no gettid, and a /proc of other processes has other numbers.
    /// </remarks>
    internal static int ThreadId()
        => (int)nint.Max(Result(LibC.SystemCall(SyscallNumbers.Current.GetThreadId, 0, 0, null)), 0);

    /// <summary>
    /// The CPU time that a thread of this process has used, in nanoseconds; 0 if it cannot be learned.
    /// </summary>
    internal static long ThreadCpuTime(int threadId)
    {
        // CPUCLOCK_SCHED of one thread: the kernel makes the clock's number out of the thread's.
        nint* time = stackalloc nint[2];
        return threadId != 0 && LibC.ClockGetTime((~threadId << 3) | 6, time) == 0 ? ((long)time[0] * 1_000_000_000)
            + time[1] : 0;
    }

    /// <summary>What the calling thread has used so far; nothing if it cannot be learned.</summary>
    internal static ThreadUsage GetThreadUsage()
    {
        // struct rusage: two timevals, then fourteen longs, of which the thirteenth counts voluntary switches. musl's
        // is longer.
        const int OfThread = 1;
        const int Voluntary = 16;
        nint* usage = stackalloc nint[34];
        return LibC.GetRUsage(OfThread, usage) == 0
            ? new ThreadUsage(CpuTime(usage), usage[Voluntary])
            : default;
    }

    /// <summary>
    /// How long the calling thread has been ready to run and had no CPU, in nanoseconds; -1 if that cannot be learned.
    /// </summary>
    internal static long ThreadRunDelay()
    {
        // Without strings: it is asked for many times a second.
        Span<byte> figures = stackalloc byte[ProcFileCapacity];
        figures = figures[..ReadProcFile("/proc/thread-self/schedstat", figures)];
        int second = figures.IndexOf((byte)' ') + 1;
        return second > 0 && Utf8Parser.TryParse(figures[second..], out long delay, out _) ? delay : -1;
    }

    /// <summary>What a thread of this process is doing.</summary>
    internal static ThreadActivity Activity(int threadId)
    {
        if (threadId == 0)
        {
            return ThreadActivity.Unknown;
        }

        // The state follows the number and the name, in which a bracket may be, too.
        Span<byte> text = stackalloc byte[ProcFileCapacity];
        Span<byte> stat =
            text[..ReadProcFile(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{threadId}/stat"), text)];
        int state = stat.LastIndexOf((byte)')') + 2;
        return state <= 1 || state >= stat.Length ? ThreadActivity.Unknown : (char)stat[state] switch
        {
            'R' => ThreadActivity.Ready,
            'T' or 't' => ThreadActivity.Stopped,
            'S' or 'D' => WaitsIn(threadId, text),
            _ => ThreadActivity.Unknown,
        };
    }

    /// <summary>
    /// What a thread that waits is waiting in: the file has the system call's number, -1 for none, or says "running".
    /// </summary>
    private static ThreadActivity WaitsIn(int threadId, Span<byte> text)
    {
        text = text[..ReadProcFile(
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{threadId}/syscall"),
            text)];
        return text.StartsWith("running"u8) ? ThreadActivity.Ready
            : !Utf8Parser.TryParse(text, out int number, out _) ? ThreadActivity.InDoubt
            : number < 0 ? ThreadActivity.Stopped
            : SyscallNumbers.Current.IsRuntimes(number) ? ThreadActivity.InDoubt
            : ThreadActivity.Waits;
    }

    /// <summary>One more than the highest number a new descriptor can get.</summary>
    internal static long DescriptorLimit()
    {
        nuint* limits = stackalloc nuint[2];
        return LibC.GetRLimit(ResourceDescriptors, limits) == 0
            ? (long)ulong.Min(limits[0], int.MaxValue)
            : int.MaxValue;
    }

    /// <summary>How many processes and threads the user may have.</summary>
    internal static long ProcessLimit()
    {
        nuint* limits = stackalloc nuint[2];
        return LibC.GetRLimit(ResourceProcesses, limits) == 0 ? (long)ulong.Min(limits[0], int.MaxValue) : int.MaxValue;
    }

    /// <summary>
    /// The bytes read; none if there is no such file, as on a kernel without the figure or for a thread that has ended.
    /// </summary>
    private static int ReadProcFile(string path, Span<byte> buffer)
    {
        if (SyscallFaultInjection.TryInject(Syscall.ReadProcFile, -1, out _))
        {
            return 0;
        }

        try
        {
            using SafeFileHandle file = System.IO.File.OpenHandle(path, share: System.IO.FileShare.ReadWrite);
            return System.IO.RandomAccess.Read(file, buffer, 0);
        }
        catch (Exception exception)
            when (exception is System.IO.IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return 0;
        }
    }

    private static int EpollControl(int epoll, int operation, int descriptor, uint events, ulong token)
    {
        byte* buffer = stackalloc byte[16];
        Unsafe.WriteUnaligned(buffer, events);
        Unsafe.WriteUnaligned(buffer + EpollEventLayout.Current.PayloadOffset, token);
        return Result(LibC.EpollCtl(epoll, operation, descriptor, buffer));
    }

    /// <summary>Nanoseconds, of the two timevals that a <c>struct rusage</c> begins with.</summary>
    private static long CpuTime(nint* usage)
        => ((long)(usage[0] + usage[2]) * 1_000_000_000) + ((long)(usage[1] + usage[3]) * 1_000);

    /// <summary>A call's result in the kernel's convention, for those that libc makes.</summary>
    internal static int Result(int result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    private static nint Result(nint result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();
}
