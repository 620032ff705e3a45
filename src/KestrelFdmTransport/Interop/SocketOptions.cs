namespace KestrelFdmTransport.Interop;

/// <summary>getsockopt and setsockopt, with the error convention of <see cref="Sys"/>.</summary>
internal static unsafe class SocketOptions
{
    private const int LevelSocket = 1;
    private const int LevelTcp = 6;
    private const int NoDelay = 1;
    private const int Error = 4;
    private const int Linger = 13;

    /// <summary>Reads and clears the descriptor's pending error: zero, or the negated error number.</summary>
    internal static int GetError(int descriptor)
    {
        int error = 0;
        int length = sizeof(int);
        int result = SyscallFaultInjection.TryInject(Syscall.GetSocketError, descriptor, out int fault)
            ? fault
            : Sys.Result(LibC.GetSockOpt(descriptor, LevelSocket, Error, &error, &length));
        return result < 0 ? result : -error;
    }

    internal static int SetNoDelay(int descriptor)
    {
        int one = 1;
        return SyscallFaultInjection.TryInject(Syscall.SetNoDelay, descriptor, out int fault)
            ? fault
            : Sys.Result(LibC.SetSockOpt(descriptor, LevelTcp, NoDelay, &one, sizeof(int)));
    }

    /// <summary>Makes the close of the last descriptor a reset.</summary>
    internal static int SetZeroLinger(int descriptor)
        => SyscallFaultInjection.TryInject(Syscall.Linger, descriptor, out int fault)
            ? fault
            : SetLinger(descriptor, isOn: true);

    /// <summary>True if the close of the last descriptor would be a reset.</summary>
    internal static bool HasZeroLinger(int descriptor) => GetLinger(descriptor) == 0;

    /// <summary>
    /// Clears an <c>SO_LINGER</c> time: with one, the close of the last descriptor would block until the peer has
    /// acknowledged everything, although the socket is non-blocking. A time of zero, which makes the close a reset,
    /// stays.
    /// </summary>
    internal static void ClearLingerTime(int descriptor)
    {
        if (GetLinger(descriptor) > 0)
        {
            SetLinger(descriptor, isOn: false);
        }
    }

    /// <summary>In seconds; null if the option is off, or cannot be read.</summary>
    private static int? GetLinger(int descriptor)
    {
        int* linger = stackalloc int[2];
        int length = 2 * sizeof(int);
        return LibC.GetSockOpt(descriptor, LevelSocket, Linger, linger, &length) == 0 && linger[0] != 0
            ? linger[1]
            : null;
    }

    private static int SetLinger(int descriptor, bool isOn)
    {
        int* linger = stackalloc int[] { isOn ? 1 : 0, 0 };
        return Sys.Result(LibC.SetSockOpt(descriptor, LevelSocket, Linger, linger, 2 * sizeof(int)));
    }
}
