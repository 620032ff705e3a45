using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Samples the threads that run callbacks while any is busy: every four milliseconds while all callbacks are short,
/// else every one. It sends the flush of a callback that flushed and does not end, and has a loop taken over from a
/// callback that holds it for too long.
/// </summary>
/// <remarks>
/// One thread for the process, because pool threads serve every transport in it. Parked it costs nothing, and after a
/// while it ends. No wake-up is lost: the monitor publishes <i>parked</i>, issues a process-wide barrier and scans
/// again; a busy thread writes its word before it reads <i>parked</i>. So one of the two sees the other.
/// </remarks>
internal static class StallMonitor
{
    /// <summary>
    /// By then sampling has cost as much as the barriers of parking and waking. A loop with work every few milliseconds
    /// would otherwise pay for these again and again.
    /// </summary>
    private const int IdleSamplesBeforeParking = 3;

    /// <summary>
    /// After this many samples in a row without a long callback the period doubles, and then doubles again. That is the
    /// normal case, and a wake-up costs more than the sample.
    /// </summary>
    private const int QuietSamplesBeforeSlowing = 8;

    /// <summary>In milliseconds. A callback that has just begun at a sample is seen this much later, once.</summary>
    private const int MaxPeriod = 4;

    private const int Sampling = 0;
    private const int Parked = 1;
    private const int NoThread = 2;

    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);

    /// <summary>
    /// A callback that has taken this long may take longer, and is sampled again after a millisecond.
    /// </summary>
    private static readonly long s_resumedAfter = Stopwatch.Frequency / 2_000;

    /// <summary>
    /// After a park of this length the loops are so idle that the next one may begin at the first idle sample.
    /// </summary>
    private static readonly long s_maxPark = Stopwatch.Frequency / 50;

    private static readonly TimeSpan s_startRetry = TimeSpan.FromSeconds(1);

    private static readonly Lock s_lock = new();
    private static readonly SemaphoreSlim s_wake = new(0);
    private static LoopThread[] s_scopes = [];
    private static int s_state = NoThread;

    /// <summary>
    /// Retries the start of the monitor. The callback that needs it may hold the only loop, and then no other callback
    /// would retry.
    /// </summary>
    private static readonly Timer s_starter = new(static _ => StartAgain(), null, Timeout.Infinite, Timeout.Infinite);
    private static bool s_startRests;

    internal static void Add(LoopThread thread)
    {
        using (s_lock.Hold())
        {
            // Once per thread, so this is also the time to forget threads that have ended: pool threads come and go.
            LoopThread[] alive = Array.FindAll(s_scopes, static thread => thread.Thread.IsAlive);
            Volatile.Write(ref s_scopes, [.. alive, thread]);
        }
    }

    internal static void Remove(LoopThread thread)
    {
        using (s_lock.Hold())
        {
            Volatile.Write(ref s_scopes, Array.FindAll(s_scopes, other => other != thread));
        }

        if (!IsNeeded() && Volatile.Read(ref s_state) == Parked)
        {
            Wake();
        }
    }

    /// <summary>Called after a thread has published a callback. Costs one read while the monitor is awake.</summary>
    /// <returns>False if there is no monitor and none can be started.</returns>
    internal static bool EnsureAwake() => Volatile.Read(ref s_state) == Sampling || Wake();

    private static bool Wake()
    {
        switch (Interlocked.Exchange(ref s_state, Sampling))
        {
            case Parked:
                s_wake.GivePermits();
                break;
            case NoThread:
                return TryStart();
        }

        return true;
    }

    private static bool TryStart()
    {
        if (!Volatile.Read(ref s_startRests))
        {
            try
            {
                TransportThread.Start("fdm-monitor", static _ => Run(), null);
                return true;
            }
            catch (Exception)
            {
                // There is no thread to be had, reported by any exception: callbacks go unwatched until there is. An
                // attempt is slow, so not every callback makes one.
                Volatile.Write(ref s_startRests, true);
                s_starter.Change(s_startRetry, Timeout.InfiniteTimeSpan);
            }
        }

        Volatile.Write(ref s_state, NoThread);
        return false;
    }

    private static void StartAgain()
    {
        Volatile.Write(ref s_startRests, false);
        EnsureAwake();
    }

    private static void Run()
    {
        int idle = 0;
        int calm = 0;
        bool old = false;
        int patience = IdleSamplesBeforeParking;
        var clock = default(MonitorClock);
        clock.Restart(Stopwatch.GetTimestamp(), GC.GetTotalPauseDuration());
        while (true)
        {
            int period = old ? 1 : 1 << (calm / QuietSamplesBeforeSlowing);
            Thread.Sleep(period);
            SyncPoints.Hit(SyncPoint.MonitorLooks, null);
            long now = Stopwatch.GetTimestamp();
            long counts = clock.Look(now, period * Stopwatch.Frequency / 1000, GC.GetTotalPauseDuration());
            bool again = false;
            bool any = true;
            try
            {
                any = Sample(now, counts, out old, out again);
            }
            catch (Exception)
            {
                // The process is out of memory or threads, which may be free again at the next sample. Without the
                // monitor flushes could wait for ever.
            }

            calm = again ? 0 : Math.Min(calm + 1, MaxPeriod * QuietSamplesBeforeSlowing);
            if (any)
            {
                idle = 0;
            }
            else if (++idle >= patience)
            {
                idle = 0;
                if (!Park())
                {
                    return;
                }

                long woken = Stopwatch.GetTimestamp();
                patience = woken - now < s_maxPark ? IdleSamplesBeforeParking : 1;
                clock.Restart(woken, GC.GetTotalPauseDuration());
            }
        }
    }

    /// <summary>True if a callback has run since the last sample.</summary>
    /// <param name="now">The time.</param>
    /// <param name="counts">How much of the time since the last sample counts.</param>
    /// <param name="old">True if a callback is not about to end.</param>
    /// <param name="again">True if a callback was seen a second time.</param>
    private static bool Sample(long now, long counts, out bool old, out bool again)
    {
        bool any = false;
        old = false;
        again = false;
        foreach (LoopThread thread in Volatile.Read(ref s_scopes))
        {
            ScopeSample sample = thread.Sample;
            long word = thread.Word;
            if (sample.Word != word)
            {
                sample.Word = word;
                sample.ConsecutiveSightings = 0;
                any |= thread.HasDeferred || thread.ServesLoops;
            }

            if (!LoopThread.IsInside(word))
            {
                continue;
            }

            sample.ConsecutiveSightings++;
            bool deferred = thread.HasDeferred && sample.FlushedWord != word;
            EventLoop? held = !LoopThread.HasLostLoop(word)
                && thread.BlockedLoop is { AllowsHandoff: true } loop
                && thread.Word == word
                ? loop
                : null;
            if (!deferred && held is null)
            {
                continue;
            }

            any = true;
            again |= sample.ConsecutiveSightings > 1;
            old |= now - thread.StartedAt > s_resumedAfter;
            if (deferred)
            {
                SendIfSeenTwice(thread, word);
            }

            if (held is not null)
            {
                StallDetector.Look(thread, held, word, now, counts);
            }
        }

        return any;
    }

    private static void SendIfSeenTwice(LoopThread thread, long word)
    {
        if (thread.Sample.ConsecutiveSightings < 2)
        {
            return;
        }

        IoSource? source = thread.Source;
        if (source is null || thread.Word != word)
        {
            return;
        }

        thread.Sample.FlushedWord = word;
        source.SendFromMonitor();
    }

    /// <summary>Returns true when there is work again, false when this thread should end.</summary>
    private static bool Park()
    {
        SyncPoints.Hit(SyncPoint.MonitorParks, null);
        Volatile.Write(ref s_state, Parked);
        Interlocked.MemoryBarrierProcessWide();
        if (Array.Exists(Volatile.Read(ref s_scopes), MustWatch))
        {
            if (Interlocked.CompareExchange(ref s_state, Sampling, Parked) != Parked)
            {
                // Another thread has woken the monitor meanwhile: consume its permit.
                s_wake.Wait();
            }

            return true;
        }

        if (s_wake.Wait(IsNeeded() ? s_lifetimeParked : TimeSpan.Zero))
        {
            return true;
        }

        if (Interlocked.CompareExchange(ref s_state, NoThread, Parked) == Parked)
        {
            return false;
        }

        s_wake.Wait();
        return true;
    }

    /// <summary>Without a thread that serves loops there are no connections, except a late one.</summary>
    private static bool IsNeeded() => Array.Exists(Volatile.Read(ref s_scopes), static thread => thread.ServesLoops);

    private static bool MustWatch(LoopThread thread)
    {
        long word = thread.Word;
        return LoopThread.IsInside(word)
            && ((thread.HasDeferred && thread.Sample.FlushedWord != word)
                || (!LoopThread.HasLostLoop(word) && thread.BlockedLoop is { AllowsHandoff: true }));
    }
}
