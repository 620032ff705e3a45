using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace KestrelFdmTransport.Interop;

/// <summary>Device and inode number, which no two existing files share.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FileIdentity(ulong Device, ulong Inode)
{
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint StatusType = 0x1;
    private const uint StatusInode = 0x100;
    private const int StatusSize = 256;
    private const int ModeOffset = 28;
    private const int InodeOffset = 32;
    private const int DeviceOffset = 136;
    private const int TypeMask = 0xF000;
    private const int TypeSocket = 0xC000;

    /// <summary>Which file the path leads to; false if it is none of a socket, or is behind a symbolic link.</summary>
    internal static bool TryGet(string path, out FileIdentity identity)
        => TryGet(CurrentDirectory, path, NoFollow, out identity);

    /// <summary>Which socket the descriptor is of; false if it is closed, or another file's.</summary>
    internal static bool TryGet(int descriptor, out FileIdentity identity)
        => TryGet(descriptor, string.Empty, EmptyPath, out identity);

    /// <remarks>statx, because the layout of its result is the same everywhere.</remarks>
    private static unsafe bool TryGet(int directory, string path, int flags, out FileIdentity identity)
    {
        byte* status = stackalloc byte[StatusSize];
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            bool isSocket = LibC.SystemCall(
                SyscallNumbers.Current.FileStatus,
                directory,
                name,
                flags,
                (nint)(StatusType | StatusInode),
                status) == 0
                && (Unsafe.ReadUnaligned<ushort>(status + ModeOffset) & TypeMask) == TypeSocket;
            identity = isSocket
                ? new(
                    Unsafe.ReadUnaligned<ulong>(status + DeviceOffset),
                    Unsafe.ReadUnaligned<ulong>(status + InodeOffset))
                : default;
            return isSocket;
        }
    }
}
