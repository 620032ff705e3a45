using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Watches the callback scopes while any is busy, every four milliseconds as long as all of them are short, else after one. A callback that flushed and then does not end gets
/// its flush sent; one that holds a loop for too long gets the loop taken from it.
/// </summary>
/// <remarks>
/// One thread for the process, because pool threads serve every transport in it. Parked, it costs nothing, and after a
/// while it ends. No wake-up is lost: it publishes <i>parked</i>, issues a process-wide barrier and scans again, so either it
/// sees a busy scope or the thread of that scope, which writes its word before it reads <i>parked</i>, sees the parking.
/// </remarks>
internal static class CallbackMonitor
{
    /// <summary>
    /// By then as much has been spent on looking as the barrier of the parking and the waking cost: a loop that does something every few
    /// milliseconds would pay for these again and again.
    /// </summary>
    private const int IdleSamplesBeforeParking = 3;

    /// <summary>
    /// So many looks in a row that found no callback a second time, and we look half as often, and then half as often again: that is how it is nearly
    /// always, and a wake-up costs more than the look.
    /// </summary>
    private const int CalmSamplesBeforeSlowing = 8;

    /// <summary>In milliseconds. What has just begun when we look is seen this much later, once.</summary>
    private const int LongestPeriod = 4;

    /// <summary>As long as flushes may be held.</summary>
    private const int HoldingPeriod = 2;

    private const int Sampling = 0;
    private const int Parked = 1;
    private const int NoThread = 2;

    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);

    /// <summary>A callback that has taken this long may take longer, and is looked at again after a millisecond.</summary>
    private static readonly long s_old = Stopwatch.Frequency / 2_000;

    /// <summary>After a park of this length the loops have so little to do that the next one may begin at the first idle sample.</summary>
    private static readonly long s_longPark = Stopwatch.Frequency / 50;

    private static readonly TimeSpan s_startRetry = TimeSpan.FromSeconds(1);

    private static readonly Lock s_lock = new();
    private static readonly SemaphoreSlim s_wake = new(0);
    private static CallbackScope[] s_scopes = [];
    private static HeldFlushes? s_held;
    private static int s_state = NoThread;

    /// <summary>Tries again to start the monitor. The callback that wants it may hold the only loop, and then no other callback would.</summary>
    private static readonly Timer s_starter = new(static _ => StartAgain(), null, Timeout.Infinite, Timeout.Infinite);
    private static bool s_startRests;

    internal static void Add(CallbackScope scope)
    {
        using (s_lock.Hold())
        {
            // Once per thread, so this is also the time to forget threads that have ended: pool threads come and go.
            CallbackScope[] alive = Array.FindAll(s_scopes, static scope => scope.Thread.IsAlive);
            Volatile.Write(ref s_scopes, [.. alive, scope]);
        }
    }

    internal static void Remove(CallbackScope scope)
    {
        using (s_lock.Hold())
        {
            Volatile.Write(ref s_scopes, Array.FindAll(s_scopes, other => other != scope));
        }

        if (!IsNeeded() && Volatile.Read(ref s_state) == Parked)
        {
            Wake();
        }
    }

    /// <summary>Called after a scope has published something to watch. One read when the monitor is awake.</summary>
    /// <returns>False if there is no monitor and none can be started.</returns>
    internal static bool EnsureAwake() => Volatile.Read(ref s_state) == Sampling || Wake();

    /// <summary>Looks after flushes that are held back until there are none. Any thread.</summary>
    /// <returns>As <see cref="EnsureAwake"/>.</returns>
    internal static bool Watch(HeldFlushes held)
    {
        HeldFlushes? first;
        do
        {
            first = Volatile.Read(ref s_held);
            held.NextWatched = first;
        }
        while (Interlocked.CompareExchange(ref s_held, held, first) != first);

        return EnsureAwake();
    }

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
                OwnThread.Start("fdm-monitor", static _ => Run(), null);
                return true;
            }
            catch (Exception)
            {
                // No room for a thread, whatever that is thrown as: callbacks go unwatched until there is. The attempt is dear, and callbacks are many.
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
        bool holding = false;
        int patience = IdleSamplesBeforeParking;
        var clock = default(MonitorClock);
        clock.Restart(Stopwatch.GetTimestamp(), GC.GetTotalPauseDuration());
        while (true)
        {
            int period = old ? 1 : Math.Min(1 << (calm / CalmSamplesBeforeSlowing), holding ? HoldingPeriod : LongestPeriod);
            Thread.Sleep(period);
            RacePoints.Reach(RacePoint.MonitorLooks, null);
            long now = Stopwatch.GetTimestamp();
            long counts = clock.Look(now, period * Stopwatch.Frequency / 1000, GC.GetTotalPauseDuration());
            bool again = false;
            bool any = true;
            try
            {
                any = Sample(now, counts, out old, out again);
                holding = SampleHeld(now);
            }
            catch (Exception)
            {
                // The process is out of memory or threads, which others may have given back by the next look. Without us flushes wait for ever.
            }

            any |= holding;
            calm = again ? 0 : Math.Min(calm + 1, LongestPeriod * CalmSamplesBeforeSlowing);
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
                patience = woken - now < s_longPark ? IdleSamplesBeforeParking : 1;
                clock.Restart(woken, GC.GetTotalPauseDuration());
            }
        }
    }

    /// <summary>True if anything has been going on since the last sample.</summary>
    /// <param name="now">The time.</param>
    /// <param name="counts">How much of the time since the last sample counts.</param>
    /// <param name="old">True if a callback is not about to end.</param>
    /// <param name="again">True if a callback was seen a second time.</param>
    private static bool Sample(long now, long counts, out bool old, out bool again)
    {
        bool any = false;
        old = false;
        again = false;
        foreach (CallbackScope scope in Volatile.Read(ref s_scopes))
        {
            CallbackSample sample = scope.Sample;
            long word = scope.Word;
            if (sample.Word != word)
            {
                sample.Word = word;
                sample.Times = 0;
                any |= scope.HasDeferred || scope.ServesLoops;
            }

            if (!CallbackScope.IsInside(word))
            {
                continue;
            }

            sample.Times++;
            bool deferred = scope.HasDeferred && sample.SentWord != word;
            EventLoop? held = !CallbackScope.IsLost(word) && scope.Waiting is { HandsOver: true } loop && scope.Word == word ? loop : null;
            if (!deferred && held is null)
            {
                continue;
            }

            any = true;
            again |= sample.Times > 1;
            old |= now - scope.StartedAt > s_old;
            if (deferred)
            {
                SendIfSeenTwice(scope, word);
            }

            if (held is not null)
            {
                StallDetector.Look(scope, held, word, now, counts);
            }
        }

        return any;
    }

    /// <summary>True if flushes are held.</summary>
    private static bool SampleHeld(long now)
    {
        HeldFlushes? held = Volatile.Read(ref s_held) is null ? null : Interlocked.Exchange(ref s_held, null);
        bool any = false;
        while (held is not null)
        {
            // The link is read first: once it is not watched, another thread may put it into the list again.
            HeldFlushes? next = held.NextWatched;
            held.NextWatched = null;
            if (!TryFinish(held, now))
            {
                any = true;
                Watch(held);
            }

            held = next;
        }

        return any;
    }

    /// <summary>False if there is something left to look after, as there may be when the look has failed.</summary>
    private static bool TryFinish(HeldFlushes held, long now)
    {
        try
        {
            held.Look(now);
            return held.TryUnwatch();
        }
        catch (Exception)
        {
            // Out of memory: the next look may do better, and the others have theirs now.
            return false;
        }
    }

    private static void SendIfSeenTwice(CallbackScope scope, long word)
    {
        if (scope.Sample.Times < 2)
        {
            return;
        }

        IoSource? source = scope.Source;
        if (source is null || scope.Word != word)
        {
            return;
        }

        scope.Sample.SentWord = word;
        source.SendFromMonitor();
    }

    /// <summary>Returns true when there is work again, false when this thread should end.</summary>
    private static bool Park()
    {
        RacePoints.Reach(RacePoint.MonitorParks, null);
        Volatile.Write(ref s_state, Parked);
        Interlocked.MemoryBarrierProcessWide();
        if (Volatile.Read(ref s_held) is not null || Array.Exists(Volatile.Read(ref s_scopes), MustWatch))
        {
            if (Interlocked.CompareExchange(ref s_state, Sampling, Parked) != Parked)
            {
                // Another thread has woken this one meanwhile: take the permit that goes with it.
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

    /// <summary>Without a thread that serves loops there are no connections, unless one is late.</summary>
    private static bool IsNeeded() => Array.Exists(Volatile.Read(ref s_scopes), static scope => scope.ServesLoops);

    private static bool MustWatch(CallbackScope scope)
    {
        long word = scope.Word;
        return CallbackScope.IsInside(word)
            && ((scope.HasDeferred && scope.Sample.SentWord != word)
                || (!CallbackScope.IsLost(word) && scope.Waiting is { HandsOver: true }));
    }
}
