using System;
using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// How a loop with nothing to do waits: it spins, sleeps while the thread pool has a backlog, or blocks.
/// </summary>
/// <remarks>Belongs to the loop's owner.</remarks>
internal sealed class LoopWait(
    IWaitingLoop loop,
    Poller poller,
    LoopUtilization utilization,
    ThreadPoolBacklog backlog,
    SpinPermits spins,
    SpinPredictor predictor)
{
    /// <summary>A loop that has run nothing inline for this many iterations is offload-only.</summary>
    private const int OffloadOnlyAfter = 8;

    /// <summary>A spin that takes this much longer than it should was preempted.</summary>
    private static readonly long s_preemptedAfter = Stopwatch.Frequency / 2_000;

    /// <summary>
    /// One poll takes a microsecond or less. After one that has taken so long, other threads have had the CPU
    /// meanwhile.
    /// </summary>
    private static readonly long s_slowPoll = Stopwatch.Frequency / 100_000;

    /// <summary>An event that comes after so short a wait was there before it.</summary>
    private static readonly long s_immediate = Stopwatch.Frequency / 200_000;

    private static readonly long s_spinCooldown = Stopwatch.Frequency / 100;

    private int _iterationsWithoutInlineCallback;
    private int _lastStarted;

    /// <summary>How long the last wait slept for the backlog, in clock ticks.</summary>
    private long _sleptForBacklog;

    /// <summary>
    /// What such a loop adds can only wait behind what it has offloaded. It need not hurry, and the threads of the
    /// pool, which spin themselves, need the CPU more.
    /// </summary>
    private bool IsOffloadOnly => _iterationsWithoutInlineCallback == OffloadOnlyAfter;

    internal void OnIteration()
        => _iterationsWithoutInlineCallback = Math.Min(_iterationsWithoutInlineCallback + 1, OffloadOnlyAfter);

    internal void OnInlineCallback() => _iterationsWithoutInlineCallback = 0;

    /// <summary>Waits until the loop has something to do.</summary>
    /// <param name="now">The time afterwards.</param>
    /// <param name="slept">True if no event was there before the wait.</param>
    /// <returns>The number of events, or a negated error number.</returns>
    internal int Wait(out long now, out bool slept)
    {
        _sleptForBacklog = 0;
        long started = Stopwatch.GetTimestamp();
        utilization.BeginWait();
        if (IsOffloadOnly || !TrySpin(started, out int count))
        {
            count = Block(started);
        }

        now = Stopwatch.GetTimestamp();
        long waited = now - started - _sleptForBacklog;
        utilization.AddIdleTime(waited);

        // After a sleep for the backlog other threads have the CPUs, and a wait that is little longer says nothing.
        slept = waited > (_sleptForBacklog == 0 ? s_immediate : s_preemptedAfter);
        return count;
    }

    /// <summary>Polls for a short time, if a connection is expected to have the next event at once.</summary>
    private bool TrySpin(long started, out int count)
    {
        count = 0;
        if (!predictor.IsOpen(started) || !spins.TryTake())
        {
            return false;
        }

        long now = started;
        do
        {
            count = poller.Wait(0);
            if (count != 0 || loop.MustWake)
            {
                spins.Release();
                predictor.Found(Stopwatch.GetTimestamp() - now < s_slowPoll);
                return true;
            }

            now = Stopwatch.GetTimestamp();
        }
        while (now - started < spins.Duration);

        spins.Release();
        if (now - started > spins.Duration + s_preemptedAfter)
        {
            predictor.OnPreempted(now, s_spinCooldown);
        }
        else
        {
            predictor.Missed();
        }

        return false;
    }

    private int Block(long now)
    {
        int timeout = loop.MillisecondsUntilTimer(now);
        if (IsOffloadOnly
            && timeout != 0
            && !loop.MustWake
            && backlog.SuggestedSleep(ref _lastStarted) is > 0 and int sleep)
        {
            Sys.Sleep(timeout < 0 ? sleep : (int)Math.Min(sleep, 1_000L * timeout));
            long after = Stopwatch.GetTimestamp();
            _sleptForBacklog = after - now;
            timeout = loop.MillisecondsUntilTimer(after);
        }

        SyncPoints.Hit(SyncPoint.LoopSleeps, loop);
        poller.Waker.BeginSleep();
        int count = poller.Wait(loop.MustWake ? 0 : timeout);
        poller.Waker.EndSleep();
        return count;
    }
}
