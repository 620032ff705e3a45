using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// What the application's code may do at once on a thread that others wait for: a client that never stops sending lets
/// every read complete at once, and a client that reads as quickly as it can lets every flush do so. After about a
/// millisecond of that an operation completes asynchronously once, behind everything that the thread pool has to do.
/// </summary>
/// <remarks>
/// It belongs to the thread, because the thread is what others wait for, however many connections the code works on.
/// Most code waits after an operation or two and costs a count; only after many without a wait there is a look at the
/// clock.
/// </remarks>
internal static class CooperativeBudget
{
    /// <summary>Operations between two looks at the clock; a power of two.</summary>
    private const int Operations = 16;

    /// <summary>The next operation makes it zero.</summary>
    private const int Exhausted = -1;

    private const int SharesPerSecond = 1_000;

    /// <summary>
    /// Operations that have completed at once on this thread since the last one that waited; <see cref="Exhausted"/>
    /// before one that waits in any case.
    /// </summary>
    [ThreadStatic]
    private static int t_operations;

    /// <summary>When this thread was first looked at, outside of callbacks.</summary>
    [ThreadStatic]
    private static long t_since;

    /// <summary>Called by an operation that could complete at once: true if it is to let others run first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsSpent() => (++t_operations & (Operations - 1)) == 0 && Look();

    /// <summary>Called by an operation that waits: the thread is free for others.</summary>
    internal static void Renew() => t_operations = 0;

    /// <summary>Lets the next operation on this thread find the budget spent.</summary>
    internal static void Exhaust() => t_operations = Exhausted;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Look()
    {
        if (t_operations == Exhausted + 1)
        {
            return true;
        }

        LoopThread? scope = LoopThread.Current;
        bool isInside = scope is not null && LoopThread.IsInside(scope.Word);
        bool isPooled = Thread.CurrentThread.IsThreadPoolThread;
        if (!isInside && !isPooled)
        {
            // The application's own thread: no connection waits for it.
            return false;
        }

        long now = Stopwatch.GetTimestamp();
        if (!isInside && t_operations == Operations)
        {
            // Nothing tells when this code began to run.
            t_since = now;
            return false;
        }

        // Of the pool's threads none needs to be given back while nothing waits for one. (Nothing static is computed
        // here, so that counting is just that.)
        return now - (isInside ? scope!.StartedAt : t_since) >= Stopwatch.Frequency / SharesPerSecond
            && (!isPooled || ThreadPool.PendingWorkItemCount > 0);
    }
}
