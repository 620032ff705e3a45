using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Interop;

/// <summary>Lets tests have system calls fail with errors that no kernel can be made to give.</summary>
/// <remarks>
/// Only where the process's configuration says so. Everywhere else the compiler sees a constant, and nothing is left of
/// the calls in optimized code, nor in a trimmed application (ILLink.Substitutions.xml).
/// </remarks>
internal static class SyscallFaultInjection
{
    private static Func<Syscall, int, int>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.SyscallFaultInjection", out bool enabled) && enabled;

    /// <summary>
    /// Asked before each call, with its descriptor, for the number of the error that it shall fail with; 0 to let it
    /// happen.
    /// </summary>
    internal static Func<Syscall, int, int>? Handler
    {
        set => Volatile.Write(
            ref s_handler,
            IsEnabled ? value : throw new InvalidOperationException("This process has no syscall fault injection."));
    }

    /// <summary>True if the call is not to happen, or its outcome not to count.</summary>
    /// <param name="call">The call.</param>
    /// <param name="descriptor">Its descriptor.</param>
    /// <param name="result">The negated error number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryInject(Syscall call, int descriptor, out int result)
    {
        result = IsEnabled ? -(Volatile.Read(ref s_handler)?.Invoke(call, descriptor) ?? 0) : 0;
        return result < 0;
    }
}
