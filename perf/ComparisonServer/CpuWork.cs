using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KestrelFdmTransport.ComparisonServer;

/// <summary>
/// Computing for a given time, counted in steps and not by a clock: after a preemption the remaining steps are still
/// due, so every candidate does the same work.
/// </summary>
internal static class CpuWork
{
    private const int StepsOfOneTry = 2_000_000;

    private static ulong s_sink;

    /// <summary>Steps per microsecond on this CPU, undisturbed.</summary>
    internal static int Calibrate()
    {
        double best = 0;
        for (int i = 0; i < 20; i++)
        {
            long started = Stopwatch.GetTimestamp();
            Do(StepsOfOneTry);
            best = Math.Max(best, StepsOfOneTry / Stopwatch.GetElapsedTime(started).TotalMicroseconds);
        }

        return Math.Max(1, (int)best);
    }

    /// <summary>
    /// Each step needs the one before (xorshift), so that compilers cannot make it faster or slower than the C
    /// server's.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Do(long steps)
    {
        ulong x = 88172645463325252;
        for (long i = 0; i < steps; i++)
        {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }

        s_sink = x;
    }

    /// <summary>For the compiler, which would otherwise drop the loop.</summary>
    internal static ulong Sink => s_sink;
}
