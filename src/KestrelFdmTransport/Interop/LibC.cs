using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// The libc calls of the hot path. <see cref="Sys"/> wraps them with the kernel's own error convention.
/// </summary>
/// <remarks>The runtime maps the name <c>libc</c> to the C library it runs on, glibc or musl.</remarks>
internal static unsafe partial class LibC
{
    private const string Name = "libc";

    [LibraryImport(Name, EntryPoint = "epoll_create1", SetLastError = true)]
    internal static partial int EpollCreate1(int flags);

    [LibraryImport(Name, EntryPoint = "epoll_ctl", SetLastError = true)]
    internal static partial int EpollCtl(int epoll, int operation, int descriptor, byte* epollEvent);

    [LibraryImport(Name, EntryPoint = "epoll_wait", SetLastError = true)]
    internal static partial int EpollWait(int epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport(Name, EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int EventFd(uint initialValue, int flags);

    [LibraryImport(Name, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, byte* buffer, nint count);

    [LibraryImport(Name, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport(Name, EntryPoint = "accept4", SetLastError = true)]
    internal static partial int Accept4(int descriptor, byte* address, int* addressLength, int flags);

    [LibraryImport(Name, EntryPoint = "recv", SetLastError = true)]
    internal static partial nint Recv(int descriptor, byte* buffer, nint length, int flags);

    [LibraryImport(Name, EntryPoint = "send", SetLastError = true)]
    internal static partial nint Send(int descriptor, byte* buffer, nint length, int flags);

    [LibraryImport(Name, EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMsg(int descriptor, MessageHeader* message, int flags);

    [LibraryImport(Name, EntryPoint = "shutdown", SetLastError = true)]
    internal static partial int Shutdown(int descriptor, int how);

    [LibraryImport(Name, EntryPoint = "socket", SetLastError = true)]
    internal static partial int Socket(int domain, int type, int protocol);

    [LibraryImport(Name, EntryPoint = "connect", SetLastError = true)]
    internal static partial int Connect(int descriptor, byte* address, int addressLength);

    [LibraryImport(Name, EntryPoint = "getsockname", SetLastError = true)]
    internal static partial int GetSockName(int descriptor, byte* address, int* addressLength);

    [LibraryImport(Name, EntryPoint = "setsockopt", SetLastError = true)]
    internal static partial int SetSockOpt(int descriptor, int level, int option, void* value, int valueLength);

    [LibraryImport(Name, EntryPoint = "getsockopt", SetLastError = true)]
    internal static partial int GetSockOpt(int descriptor, int level, int option, void* value, int* valueLength);

    [LibraryImport(Name, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int IoCtl(int descriptor, nuint request, int* argument);

    [LibraryImport(Name, EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int FCntl(int descriptor, int command, nint argument);

    [LibraryImport(Name, EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(int* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport(Name, EntryPoint = "clock_gettime", SetLastError = true)]
    internal static partial int ClockGetTime(int clock, nint* time);

    [LibraryImport(Name, EntryPoint = "nanosleep", SetLastError = true)]
    internal static partial int NanoSleep(nint* duration, nint* left);

    [LibraryImport(Name, EntryPoint = "getrusage", SetLastError = true)]
    internal static partial int GetRUsage(int who, nint* usage);

    [LibraryImport(Name, EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetRLimit(int resource, nuint* limits);

    /// <remarks>
    /// Takes any number of arguments; where .NET runs, they are passed as those of an ordinary function.
    /// </remarks>
    [LibraryImport(Name, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint SystemCall(nint number, nint first, nint second, void* third);

    [LibraryImport(Name, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint SystemCall(
        nint number, nint first, void* second, nint third, nint fourth, void* fifth);
}
