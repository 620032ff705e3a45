using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets tests have something happen at a <see cref="SyncPoint"/>, which otherwise takes luck.</summary>
/// <remarks>
/// Only where the process's configuration says so. Everywhere else the compiler sees a constant, and nothing is left of
/// the calls in optimized code, nor in a trimmed application (ILLink.Substitutions.xml).
/// </remarks>
internal static class SyncPoints
{
    private static Action<SyncPoint, object?>? s_handler;

    private static bool IsEnabled { get; } =
        AppContext.TryGetSwitch("KestrelFdmTransport.SyncPoints", out bool enabled) && enabled;

    /// <summary>
    /// Called by whichever thread reaches a point, with the loop or the connection that is concerned.
    /// </summary>
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
