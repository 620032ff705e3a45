using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Samples the threads that run callbacks, every two milliseconds while any is busy. It sends the flush of a callback
/// that flushed and does not end, and has a loop taken over from a callback that holds it for too long.
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

    private const int Sampling = 0;
    private const int Parked = 1;
    private const int NoThread = 2;

    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);

    /// <summary>
    /// After a park of this length the loops are so idle that the next one may begin at the first idle sample.
    /// </summary>
    private static readonly long s_maxPark = Stopwatch.Frequency / 50;

    /// <summary>A callback that has run for this long at a sample may be about to block. Most end sooner.</summary>
    private static readonly long s_suspicious = Stopwatch.Frequency / 2_000;

    private static readonly TimeSpan s_startRetry = TimeSpan.FromSeconds(1);

    private static readonly Lock s_lock = new();
    private static readonly SemaphoreSlim s_wake = new(0);
    private static LoopThread[] s_threads = [];
    private static int s_state = NoThread;

    /// <summary>
    /// Retries the start of the monitor. The callback that needs it may hold the only loop, and then no other callback
    /// would retry.
    /// </summary>
    private static readonly Timer s_starter = new(static _ => StartAgain(), null, Timeout.Infinite, Timeout.Infinite);
    private static bool s_startPaused;

    internal static void Add(LoopThread thread)
    {
        using (s_lock.Hold())
        {
            // Once per thread, so this is also the time to forget threads that have ended: pool threads come and go.
            LoopThread[] alive = Array.FindAll(s_threads, static thread => thread.Thread.IsAlive);
            Volatile.Write(ref s_threads, [.. alive, thread]);
        }
    }

    internal static void Remove(LoopThread thread)
    {
        using (s_lock.Hold())
        {
            Volatile.Write(ref s_threads, Array.FindAll(s_threads, other => other != thread));
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
        if (!Volatile.Read(ref s_startPaused))
        {
            try
            {
                TransportThread.Start("fdm-monitor", Run);
                return true;
            }
            catch (Exception)
            {
                // There is no thread to be had, reported by any exception: callbacks go unwatched until there is. An
                // attempt is slow, so not every callback makes one.
                Volatile.Write(ref s_startPaused, true);
                s_starter.Change(s_startRetry, Timeout.InfiniteTimeSpan);
            }
        }

        Volatile.Write(ref s_state, NoThread);
        return false;
    }

    private static void StartAgain()
    {
        Volatile.Write(ref s_startPaused, false);
        EnsureAwake();
    }

    private static void Run()
    {
        int idle = 0;
        bool suspicious = false;
        int patience = IdleSamplesBeforeParking;
        var clock = default(MonitorClock);
        clock.Restart(Stopwatch.GetTimestamp(), GC.GetTotalPauseDuration());
        while (true)
        {
            TimeSpan period = suspicious ? MonitorClock.ShortPeriod : MonitorClock.Period;
            Thread.Sleep(period);
            SyncPoints.Hit(SyncPoint.MonitorLooks, null);
            long now = Stopwatch.GetTimestamp();
            long counts = clock.Look(now, period, GC.GetTotalPauseDuration());
            bool any = true;
            try
            {
                any = Sample(now, counts, out suspicious);
            }
            catch (Exception)
            {
                // The process is out of memory or threads, which may be free again at the next sample. Without the
                // monitor flushes could wait for ever.
            }

            idle = any ? 0 : idle + 1;
            if (idle >= patience)
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
    /// <param name="counts">How much of the time since the last sample counts.</param>
    /// <param name="suspicious">True if a callback that is watched may hold its loop for long.</param>
    private static bool Sample(long now, long counts, out bool suspicious)
    {
        bool any = false;
        suspicious = false;
        foreach (LoopThread thread in Volatile.Read(ref s_threads))
        {
            CallbackSample sample = thread.Sample;
            long word = thread.Word.Value;
            if (sample.Word != word)
            {
                sample.Word = word;
                sample.ConsecutiveSightings = 0;
                any |= thread.Deferred is not null || thread.ServesLoops;
            }

            if (!OwnershipWord.Encloses(word))
            {
                continue;
            }

            sample.ConsecutiveSightings++;
            if (MustWatch(thread, word))
            {
                any = true;
                suspicious |= now - thread.StartedAt > s_suspicious;
            }

            if (sample.ConsecutiveSightings > 1)
            {
                SendDeferred(thread, word);
            }

            if (!OwnershipWord.HasLostLoop(word)
                && thread.BlockedLoop is { AllowsHandoff: true } loop
                && thread.Word.Value == word)
            {
                StallDetector.Look(thread, loop, word, now, counts);
            }
        }

        return any;
    }

    private static void SendDeferred(LoopThread thread, long word)
    {
        if (thread.Sample.FlushedWord != word && thread.Deferred is { } owner && thread.Word.Value == word)
        {
            thread.Sample.FlushedWord = word;
            owner.SendFromMonitor();
        }
    }

    /// <summary>Returns true when there is work again, false when this thread should end.</summary>
    private static bool Park()
    {
        SyncPoints.Hit(SyncPoint.MonitorParks, null);
        Volatile.Write(ref s_state, Parked);
        Interlocked.MemoryBarrierProcessWide();
        if (Array.Exists(Volatile.Read(ref s_threads), static thread => MustWatch(thread, thread.Word.Value)))
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

    /// <summary>Without a thread that runs loops there are no connections, except a late one.</summary>
    private static bool IsNeeded() => Array.Exists(Volatile.Read(ref s_threads), static thread => thread.ServesLoops);

    /// <summary>True if the callback has a flush that the monitor may have to send, or a loop that waits.</summary>
    private static bool MustWatch(LoopThread thread, long word)
        => OwnershipWord.Encloses(word)
            && ((thread.Deferred is not null && thread.Sample.FlushedWord != word)
                || (!OwnershipWord.HasLostLoop(word) && thread.BlockedLoop is { AllowsHandoff: true }));
}
