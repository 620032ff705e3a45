using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>The numbers of the system calls that read and set a thread's scheduling policy.</summary>
/// <remarks>
/// By number, because musl's functions of that name refuse: POSIX gives them to processes, the kernel to threads. From the kernel's
/// <c>syscall_64.tbl</c>, <c>include/uapi/asm-generic/unistd.h</c> and the tables of the older architectures, which agree.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct SchedulerCallNumbers(int Set, int Get)
{
    internal static readonly SchedulerCallNumbers Current = For(RuntimeInformation.ProcessArchitecture);

    internal static SchedulerCallNumbers For(Architecture architecture) => architecture switch
    {
        Architecture.X64 => new(144, 145),
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => new(119, 120),
        _ => new(156, 157),
    };
}
