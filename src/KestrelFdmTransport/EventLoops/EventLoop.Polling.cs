using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <content>What the loop does with nothing to do, and who wakes it.</content>
internal sealed partial class EventLoop
{
    private bool Poll()
    {
        // After what the loop was woken for, and before it sleeps again.
        if (_utilization.IsDue(_now))
        {
            Balance();
        }

        int count;
        long since = _now;
        long lookedAt = 0;
        if (_sets.Backlog > 0 || _closing.Count > 0 || _commandsInProgress is not null)
        {
            count = Sys.EpollWait(_epoll.Value, _events, 0);
            _now = Stopwatch.GetTimestamp();
        }
        else
        {
            long idle = Stopwatch.GetTimestamp();
            _utilization.BeginWait();
            if (IsDispatchOnly || !TrySpin(idle, out count, out lookedAt))
            {
                count = Block(idle);
            }

            _now = Stopwatch.GetTimestamp();
            if (lookedAt != 0)
            {
                _spinPredictor.Found(_now - lookedAt < s_preempted);
            }

            long slept = _now - idle - _sleptForBacklog;
            _utilization.AddIdleTime(slept);

            // After a rest others have the CPUs, and a wait that is little longer says nothing.
            if (slept > (_sleptForBacklog == 0 ? s_immediate : s_preemptedAfter))
            {
                since = _now;
            }

            _sleptForBacklog = 0;
        }

        EpollWaits++;
        _utilization.BeginIteration(_now);
        if (count >= 0)
        {
            Harvest(count, since);
        }
        else if (count != -Errno.EINTR)
        {
            throw SocketErrors.Exception(-count);
        }

        _iterationsWithoutInlineCallback = Math.Min(_iterationsWithoutInlineCallback + 1, DispatchOnlyAfter);
        _sets.BeginIteration(_now);
        return true;
    }

    /// <summary>Queues the sources that have events.</summary>
    /// <param name="count">The number of events.</param>
    /// <param name="since">None of them was there at this time.</param>
    private void Harvest(int count, long since)
    {
        Events += count;
        _sets.BeginBatch(count, _now, since);
        for (int i = 0; i < count; i++)
        {
            ulong token = _events.Payload(i);
            if (token != WakePayload && _slots.Find(token) is { } source)
            {
                source.PendingEvents |= _events.Events(i);
                if ((_events.Events(i) & ~EpollFlags.Out) == 0)
                {
                    // Room to send, which also comes with every registration: nothing that the peer has said.
                    _sets.Requeue(token, _now);
                }
                else
                {
                    _sets.Arrived(token);
                }
            }
        }
    }

    /// <summary>True if there is something to do that no event announces.</summary>
    private bool MustWake => !_commands.IsEmpty || (_stopRequested && !_ending);

    /// <summary>
    /// Polls for a short time instead of sleeping, if a connection is expected to speak again at once.
    /// </summary>
    /// <param name="started">The time.</param>
    /// <param name="count">The events found.</param>
    /// <param name="lookedAt">When it had been looked in vain for the last time before something was found.</param>
    private bool TrySpin(long started, out int count, out long lookedAt)
    {
        count = 0;
        lookedAt = 0;
        if (_spinTicks == 0 || !_spinPredictor.IsOpen(started) || !_group.TryBeginSpin())
        {
            return false;
        }

        long now = started;
        do
        {
            count = Sys.EpollWait(_epoll.Value, _events, 0);
            if (count != 0 || MustWake)
            {
                _group.EndSpin();
                lookedAt = now;
                return true;
            }

            now = Stopwatch.GetTimestamp();
        }
        while (now - started < _spinTicks);

        _group.EndSpin();
        if (now - started > _spinTicks + s_preemptedAfter)
        {
            _spinPredictor.OnPreempted(now, s_spinCooldown);
        }
        else
        {
            _spinPredictor.Missed();
        }

        return false;
    }

    private int Block(long now)
    {
        int timeout = TimeUntilTimer(now);
        if (IsDispatchOnly
            && timeout != 0
            && !MustWake
            && _group.Backlog.SuggestedSleep(ref _lastStarted) is > 0 and int rest)
        {
            Sys.Sleep(timeout < 0 ? rest : (int)Math.Min(rest, 1_000L * timeout));
            long after = Stopwatch.GetTimestamp();
            _sleptForBacklog = after - now;
            timeout = TimeUntilTimer(after);
        }

        SyncPoints.Hit(SyncPoint.LoopSleeps, this);

        // Full fence between the sleep word and the look into the command queue; see _sleeping.
        Interlocked.Exchange(ref _sleeping, 1);
        if (MustWake)
        {
            timeout = 0;
        }

        int count = Sys.EpollWait(_epoll.Value, _events, timeout);
        Volatile.Write(ref _sleeping, 0);
        return count;
    }

    /// <summary>The time that the loop may sleep in milliseconds, -1 for ever.</summary>
    private int TimeUntilTimer(long now)
    {
        int timeout = -1;
        long ticks = _timerQueue.Until(now);
        if (ticks >= 0)
        {
            long milliseconds = (ticks / (Stopwatch.Frequency / 1000)) + 1;
            timeout = (int)Math.Min(milliseconds, int.MaxValue);
        }

        return TimeUntilIdleTimer(timeout);
    }

    private void WakeIfSleeping()
    {
        if (Volatile.Read(ref _sleeping) != 0 && Interlocked.Exchange(ref _sleeping, 0) != 0 && _wake.TryAcquire())
        {
            int result = Sys.WriteEventFd(_wake.Value);
            _wake.Release();

            // With EAGAIN it has been signalled as often as can be counted, and wakes up.
            if (result < 0 && result != -Errno.EAGAIN)
            {
                _ = RetryWakeAsync(-result);
            }
        }
    }

    /// <summary>Whoever took the sleeper's word could not wake it, and no other would try.</summary>
    private async Task RetryWakeAsync(int errno)
    {
        Interlocked.Exchange(ref _sleeping, 1);
        await Task.Delay(s_wakeRetry).ConfigureAwait(false);
        WakeIfSleeping();
        if (Interlocked.Exchange(ref _wakeFailureLogged, 1) == 0)
        {
            Log.WakeUpFailed(_logger, Name, SocketErrors.Exception(errno));
        }
    }
}
