using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets tests run code at a <see cref="SyncPoint"/>, to provoke a race that otherwise takes luck.</summary>
/// <remarks>
/// Active only where the process's configuration enables it. Elsewhere the switch is a constant, and optimized or
/// trimmed code (ILLink.Substitutions.xml) contains none of the calls.
/// </remarks>
internal static class SyncPoints
{
    private static Action<SyncPoint, object?>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.SyncPoints", out bool enabled) && enabled;

    /// <summary>Called by the thread that reaches a point, with the loop or the connection concerned.</summary>
    internal static Action<SyncPoint, object?>? Handler
    {
        set => Volatile.Write(
            ref s_handler,
            IsEnabled ? value : throw new InvalidOperationException("This process has no sync points."));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Hit(SyncPoint point, object? subject)
    {
        if (IsEnabled)
        {
            Volatile.Read(ref s_handler)?.Invoke(point, subject);
        }
    }
}
