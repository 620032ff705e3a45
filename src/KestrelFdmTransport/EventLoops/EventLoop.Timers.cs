using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <content>
/// The idle deadlines of the loop's connections, many and coarse; <see cref="TimerQueue"/> has the few of other
/// sources, precise. </content>
internal sealed partial class EventLoop
{
    /// <summary>How coarse the deadlines are, in milliseconds: the loop looks at them no more often.</summary>
    internal const int TimerTick = 100;

    /// <summary>
    /// The clock of the wheel may be so much behind the kernel's own, which decides how long the loop sleeps.
    /// </summary>
    private const int ClockStep = 10;

    /// <summary>TimerQueue looked at before sources that are ready have another turn.</summary>
    private const int MaxTimersPerIteration = 256;

    private readonly TimerWheel _idleTimers = new(TimerTick);

    internal long IdleTimeouts { get; private set; }

    /// <summary>
    /// Has the source's <see cref="IoSource.OnTimer"/> called once, not before <paramref name="due"/>. Owner only.
    /// </summary>
    /// <param name="source">A registered source; it has one timer, and this replaces it.</param>
    /// <param name="due">As <see cref="Environment.TickCount64"/>.</param>
    internal void SetTimer(IoSource source, long due)
    {
        FaultPoints.Hit(FaultPoint.TimerSet);
        _idleTimers.Set((int)(uint)source.Token, due);
    }

    internal void OnIdleTimeout() => IdleTimeouts++;

    private bool ExpireTimers(LoopThread thread)
    {
        while (_timerQueue.TryTakeDue(_now, out IoSource? due))
        {
            _current = due;
            if (!Complete(thread, due!.OnCommand(LoopCommand.Resume)))
            {
                return false;
            }
        }

        if (_idleTimers.Count == 0)
        {
            return true;
        }

        long now = Environment.TickCount64;
        for (int i = 0; i < MaxTimersPerIteration && _idleTimers.TryTakeDue(now, out int slot); i++)
        {
            IoSource source = _slots.At(slot);
            _current = source;
            if (!Complete(thread, source.OnTimer(now)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The time that the loop may sleep, -1 for ever, given the time that it may sleep for other reasons.
    /// </summary>
    private int TimeUntilIdleTimer(int timeout)
    {
        if (_idleTimers.Count == 0)
        {
            return timeout;
        }

        long until = _idleTimers.Until(Environment.TickCount64);
        until = until == 0 ? 0 : until + ClockStep;
        return timeout < 0 || until < timeout ? (int)Math.Min(until, int.MaxValue) : timeout;
    }
}
