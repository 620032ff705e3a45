using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets tests have memory and threads run out at a <see cref="FaultPoint"/>.</summary>
/// <remarks>
/// Queueing to the thread pool is no such point: where that fails, the runtime's own continuations fail, too, and the
/// process ends. Only where the process's configuration says so. Everywhere else the compiler sees a constant, and
/// nothing is left of the calls in optimized code, nor in a trimmed application (ILLink.Substitutions.xml).
/// </remarks>
internal static class FaultPoints
{
    private static Action<FaultPoint>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.FaultPoints", out bool enabled) && enabled;

    /// <summary>Called by the thread that reaches a point. What it throws is thrown by the step.</summary>
    internal static Action<FaultPoint>? Handler
    {
        set => Volatile.Write(
            ref s_handler,
            IsEnabled ? value : throw new InvalidOperationException("This process has no fault points."));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Hit(FaultPoint point)
    {
        if (IsEnabled)
        {
            Volatile.Read(ref s_handler)?.Invoke(point);
        }
    }
}
