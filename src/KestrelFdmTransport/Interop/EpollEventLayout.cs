using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>Where the two fields of <c>struct epoll_event</c> lie.</summary>
/// <remarks>
/// The kernel packs the structure on x86-64 only, so that 32-bit programs share its layout (<c>EPOLL_PACKED</c> in
/// <c>include/uapi/linux/eventpoll.h</c>). Everywhere else the 64-bit token is aligned to eight bytes.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EpollEventLayout(int Size, int PayloadOffset)
{
    internal static readonly EpollEventLayout Current = For(RuntimeInformation.ProcessArchitecture);

    internal static EpollEventLayout For(Architecture architecture)
        => architecture is Architecture.X64 ? new(12, 4) : new(16, 8);
}
