using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Limits how long application code may run without a wait on a thread that others need.</summary>
/// <remarks>
/// <para>
/// A client that never stops sending lets every read complete at once, and a fast reader does so for every flush. After
/// about half a millisecond of that, one operation completes asynchronously, behind everything that the thread pool has
/// queued.
/// </para>
/// <para>
/// The budget belongs to the thread, because the others wait for the thread, no matter how many connections the code
/// works on. Most code waits after an operation or two and only costs a count. The clock is read after many operations
/// without a wait.
/// </para>
/// </remarks>
internal static class CooperativeBudget
{
    /// <summary>Operations between two clock reads; a power of two.</summary>
    private const int Operations = 16;

    /// <summary>The next operation makes it zero.</summary>
    private const int Exhausted = -1;

    private const int SharesPerSecond = 2_000;

    /// <summary>
    /// Operations that have completed at once on this thread since the last wait; <see cref="Exhausted"/> before one
    /// that must wait.
    /// </summary>
    [ThreadStatic]
    private static int t_operations;

    /// <summary>When this thread was first checked outside of callbacks.</summary>
    [ThreadStatic]
    private static long t_since;

    /// <summary>Called by an operation that could complete at once: true if other work must run first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsSpent() => (++t_operations & (Operations - 1)) == 0 && Look();

    /// <summary>Called by an operation that waits, which frees the thread for others.</summary>
    internal static void Renew() => t_operations = 0;

    /// <summary>Makes the next operation on this thread find the budget exhausted.</summary>
    internal static void Exhaust() => t_operations = Exhausted;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Look()
    {
        if (t_operations == Exhausted + 1)
        {
            return true;
        }

        LoopThread? thread = LoopThread.Current;
        bool isInside = thread is { Word.IsInside: true };
        bool isPooled = Thread.CurrentThread.IsThreadPoolThread;
        if (!isInside && !isPooled)
        {
            // The application's own thread: no connection waits for it.
            return false;
        }

        long now = Stopwatch.GetTimestamp();
        if (!isInside && t_operations == Operations)
        {
            // It is unknown when this code began to run.
            t_since = now;
            return false;
        }

        // A pool thread need not yield while no work is queued. (Nothing static is computed here, which keeps the
        // common path a count.)
        return now - (isInside ? thread!.StartedAt : t_since) >= Stopwatch.Frequency / SharesPerSecond
            && (!isPooled || ThreadPool.PendingWorkItemCount > 0);
    }
}
