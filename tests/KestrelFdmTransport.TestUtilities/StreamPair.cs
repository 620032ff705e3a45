using System;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>Makes pairs of connected Unix stream sockets, non-blocking.</summary>
public static unsafe partial class StreamPair
{
    private const int Unix = 1;
    private const int Stream = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;

    /// <summary>Makes a pair.</summary>
    /// <exception cref="InvalidOperationException">There are no descriptors for it.</exception>
    public static (int First, int Second) Create()
    {
        int* pair = stackalloc int[2];
        return SocketPair(Unix, Stream | CloseOnExec | NonBlocking, 0, pair) == 0
            ? (pair[0], pair[1])
            : throw new InvalidOperationException("There is no socket pair.");
    }

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static partial int SocketPair(int domain, int type, int protocol, int* descriptors);
}
