using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// The numbers of the system calls that name a thread, and of those in which the runtime's own threads wait.
/// </summary>
/// <remarks>
/// From the kernel's <c>syscall_64.tbl</c>, <c>include/uapi/asm-generic/unistd.h</c> and the tables of the older
/// architectures.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ThreadCallNumbers(int GetThreadId, int Futex, int Sleep, int ClockSleep)
{
    internal static readonly ThreadCallNumbers Current = For(RuntimeInformation.ProcessArchitecture);

    internal static ThreadCallNumbers For(Architecture architecture) => architecture switch
    {
        Architecture.X64 => new(186, 202, 35, 230),
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => new(178, 98, 101, 115),
        Architecture.S390x => new(236, 238, 162, 262),
        Architecture.Ppc64le => new(207, 221, 162, 248),
        _ => new(224, 240, 162, 265),
    };

    internal bool IsRuntimes(int number) => number == Futex || number == Sleep || number == ClockSleep;
}
