using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets tests fail a step at a <see cref="FaultPoint"/>, as if memory or threads had run out.</summary>
/// <remarks>
/// Queueing to the thread pool is no fault point: if that fails, the runtime's own continuations fail too, and the
/// process ends. Active only where the process's configuration enables it. Elsewhere the switch is a constant, and
/// optimized or trimmed code (ILLink.Substitutions.xml) contains none of the calls.
/// </remarks>
internal static class FaultPoints
{
    private static Action<FaultPoint>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.FaultPoints", out bool enabled) && enabled;

    /// <summary>Called by the thread that reaches a point. The step throws what it throws.</summary>
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
