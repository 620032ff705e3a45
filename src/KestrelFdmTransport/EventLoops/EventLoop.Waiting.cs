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
    private void Harvest()
    {
        int count;
        long since = _now;
        if (_sets.Backlog > 0 || _closing.Count > 0)
        {
            count = Sys.EpollWait(_epoll.Number, _events, 0);
            _now = Stopwatch.GetTimestamp();
        }
        else
        {
            long idle = Stopwatch.GetTimestamp();
            _load.BeginWait();
            if (OnlyDispatches || !TrySpin(idle, out count))
            {
                count = Block();
            }

            _now = Stopwatch.GetTimestamp();
            long slept = _now - idle - _rested;
            _load.Idled(slept);

            // After a rest others have the CPUs, and a wait that is little longer says nothing.
            if (slept > (_rested == 0 ? s_foundAtOnce : s_preemptedAfter))
            {
                since = _now;
            }

            _rested = 0;
        }

        Harvests++;
        _load.BeginTurn(_now);
        if (_load.IsDue(_now))
        {
            Balance();
        }

        if (count < 0)
        {
            if (count != -Errno.EINTR)
            {
                throw SocketErrors.Exception(-count);
            }

            return;
        }

        Events += count;
        _sets.BeginHarvest(count, _now, since);
        for (int i = 0; i < count; i++)
        {
            ulong payload = _events.Payload(i);
            if (payload != WakePayload && _slots.Find(payload) is { } source)
            {
                source.PendingEvents |= _events.Events(i);
                if ((_events.Events(i) & ~EpollFlags.Out) == 0)
                {
                    // Room to send, which also comes with every registration: nothing that the peer has said.
                    _sets.Requeue(payload, _now);
                }
                else
                {
                    _sets.Arrived(payload);
                }
            }
        }
    }

    /// <summary>Polls for a short time instead of sleeping, if a connection is expected to speak again at once.</summary>
    private bool TrySpin(long started, out int count)
    {
        count = 0;
        if (_spinTicks == 0 || !_spinGate.IsOpen(started) || !_group.TryBeginSpin())
        {
            return false;
        }

        long now;
        do
        {
            count = Sys.EpollWait(_epoll.Number, _events, 0);
            if (count != 0 || !_mailbox.IsEmpty || (_stopRequested && !_ending))
            {
                _group.EndSpin();
                return true;
            }

            now = Stopwatch.GetTimestamp();
        }
        while (now - started < _spinTicks);

        _group.EndSpin();
        if (now - started > _spinTicks + s_preemptedAfter)
        {
            _spinGate.Preempted(now, s_preemptedPause);
        }
        else
        {
            _spinGate.Missed();
        }

        return false;
    }

    private int Block()
    {
        if (OnlyDispatches && _group.Backlog.Rest(ref _begun) is > 0 and int rest)
        {
            long before = Stopwatch.GetTimestamp();
            Sys.Sleep(rest);
            _rested = Stopwatch.GetTimestamp() - before;
        }

        int timeout = -1;
        long ticks = _deadlines.Until(Stopwatch.GetTimestamp());
        if (ticks >= 0)
        {
            long milliseconds = (ticks * 1000 / Stopwatch.Frequency) + 1;
            timeout = (int)Math.Min(milliseconds, int.MaxValue);
        }

        timeout = UntilTimers(timeout);

        RacePoints.Reach(RacePoint.LoopSleeps, this);

        // Full fence between the sleep word and the look into the mailbox; see _sleeping.
        Interlocked.Exchange(ref _sleeping, 1);
        if (!_mailbox.IsEmpty || (_stopRequested && !_ending))
        {
            timeout = 0;
        }

        int count = _wakeRule.IsGentle && OnlyDispatches ? WaitGently(timeout) : Sys.EpollWait(_epoll.Number, _events, timeout);
        Volatile.Write(ref _sleeping, 0);
        _wakes++;
        _wokenFor += Math.Max(count, 0);
        return count;
    }

    /// <summary>
    /// The policy is another one only while the loop sleeps, because what the thread starts inherits it. Whoever has given the thread a policy of
    /// his choice, before or meanwhile, means it.
    /// </summary>
    private int WaitGently(int timeout)
    {
        bool changed = Sys.SchedulingPolicy() == Sys.PolicyOther && Sys.SetSchedulingPolicy(Sys.PolicyBatch) >= 0;
        int count = Sys.EpollWait(_epoll.Number, _events, timeout);
        if (changed && Sys.SchedulingPolicy() == Sys.PolicyBatch)
        {
            Sys.SetSchedulingPolicy(Sys.PolicyOther);
        }

        return count;
    }

    private void WakeIfSleeping()
    {
        if (Volatile.Read(ref _sleeping) != 0 && Interlocked.Exchange(ref _sleeping, 0) != 0 && _wake.TryAcquire())
        {
            int result = Sys.Signal(_wake.Number);
            _wake.Release();

            // With EAGAIN it has been signalled as often as can be counted, and wakes up.
            if (result < 0 && result != -Errno.EAGAIN)
            {
                _ = WakeLaterAsync(-result);
            }
        }
    }

    /// <summary>Whoever took the sleeper's word could not wake it, and no other would try.</summary>
    private async Task WakeLaterAsync(int errno)
    {
        Interlocked.Exchange(ref _sleeping, 1);
        await Task.Delay(s_wakeRetry).ConfigureAwait(false);
        WakeIfSleeping();
        if (Interlocked.Exchange(ref _wakeFailureTold, 1) == 0)
        {
            Log.WakeUpFailed(_logger, Name, SocketErrors.Exception(errno));
        }
    }
}
