using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>The number of the system call <c>statx</c>.</summary>
/// <remarks>
/// By number, because musl has a function of that name only since 1.2.5, and glibc since 2.28. From the kernel's
/// <c>syscall_64.tbl</c>, <c>include/uapi/asm-generic/unistd.h</c> and the tables of the older architectures.
/// </remarks>
internal static class StatusCallNumber
{
    internal static readonly nint Current = For(RuntimeInformation.ProcessArchitecture);

    internal static nint For(Architecture architecture) => architecture switch
    {
        Architecture.X64 => 332,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 291,
        Architecture.S390x => 379,
        Architecture.Arm or Architecture.Armv6 => 397,
        _ => 383,
    };
}
