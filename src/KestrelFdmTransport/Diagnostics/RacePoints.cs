using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets tests have something happen at a <see cref="RacePoint"/>, which otherwise takes luck.</summary>
/// <remarks>
/// Only where the process's configuration says so. Everywhere else the compiler sees a constant, and nothing is left of the
/// calls in optimized code, nor in a trimmed application (ILLink.Substitutions.xml).
/// </remarks>
internal static class RacePoints
{
    private static Action<RacePoint, object?>? s_reached;

    private static bool IsEnabled { get; } = AppContext.TryGetSwitch("KestrelFdmTransport.RacePoints", out bool enabled) && enabled;

    /// <summary>Called by whichever thread reaches a point, with the loop or the connection that is concerned.</summary>
    internal static Action<RacePoint, object?>? Reached
    {
        set => Volatile.Write(ref s_reached, IsEnabled ? value : throw new InvalidOperationException("This process has no race points."));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Reach(RacePoint point, object? subject)
    {
        if (IsEnabled)
        {
            Volatile.Read(ref s_reached)?.Invoke(point, subject);
        }
    }
}
