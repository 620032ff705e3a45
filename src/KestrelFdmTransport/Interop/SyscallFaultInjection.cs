using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Interop;

/// <summary>Lets tests make system calls fail with errors that a test cannot provoke in the kernel.</summary>
/// <remarks>
/// Active only where the process's configuration enables it. Elsewhere the switch is a constant, and optimized or
/// trimmed code (ILLink.Substitutions.xml) contains none of the calls.
/// </remarks>
internal static class SyscallFaultInjection
{
    private static Func<Syscall, int, int>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.SyscallFaultInjection", out bool enabled) && enabled;

    /// <summary>
    /// Called before each system call with its descriptor. Returns the error number to fail with, or 0 to make the
    /// call.
    /// </summary>
    internal static Func<Syscall, int, int>? Handler
    {
        set => Volatile.Write(
            ref s_handler,
            IsEnabled ? value : throw new InvalidOperationException("This process has no syscall fault injection."));
    }

    /// <summary>True if the call is not to happen, or its outcome not to count.</summary>
    /// <param name="result">The negated error number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryInject(Syscall call, int descriptor, out int result)
    {
        result = IsEnabled ? -(Volatile.Read(ref s_handler)?.Invoke(call, descriptor) ?? 0) : 0;
        return result < 0;
    }
}
