using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// The numbers of system calls that the C library may lack: musl has <c>statx</c> only since 1.2.5, glibc since 2.28.
/// And of those in which the runtime's own threads wait.
/// </summary>
/// <remarks>
/// From the kernel's <c>syscall_64.tbl</c>, <c>include/uapi/asm-generic/unistd.h</c> and the tables of the older
/// architectures.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SyscallNumbers(int GetThreadId, int Futex, int Sleep, int ClockSleep, int FileStatus)
{
    internal static readonly SyscallNumbers Current = For(RuntimeInformation.ProcessArchitecture);

    internal static SyscallNumbers For(Architecture architecture) => architecture switch
    {
        Architecture.X64 => new(186, 202, 35, 230, 332),
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => new(178, 98, 101, 115, 291),
        Architecture.S390x => new(236, 238, 162, 262, 379),
        Architecture.Ppc64le => new(207, 221, 162, 248, 383),
        Architecture.X86 => new(224, 240, 162, 267, 383),
        _ => new(224, 240, 162, 265, 397),
    };

    internal bool IsRuntimes(int number) => number == Futex || number == Sleep || number == ClockSleep;
}
