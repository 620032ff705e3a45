using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <content>
/// The idle deadlines of the loop's connections, many and coarse; <see cref="Deadlines"/> has the few of other sources, precise.
/// </content>
internal sealed partial class EventLoop
{
    /// <summary>How coarse the deadlines are, in milliseconds: the loop looks at them no more often.</summary>
    internal const int TimerTick = 100;

    /// <summary>The clock of the wheel may be so much behind the kernel's own, which decides how long the loop sleeps.</summary>
    private const int ClockStep = 10;

    /// <summary>Deadlines looked at before sources that are ready have another turn.</summary>
    private const int TimerShare = 256;

    private readonly TimerWheel _timers = new(TimerTick);

    internal long IdleTimeouts { get; private set; }

    /// <summary>Has the source's <see cref="IoSource.OnTimer"/> called once, not before <paramref name="due"/>. Owner only.</summary>
    /// <param name="source">A registered source; it has one timer, and this replaces it.</param>
    /// <param name="due">As <see cref="Environment.TickCount64"/>.</param>
    internal void SetTimer(IoSource source, long due)
    {
        FaultPoints.Reach(FaultPoint.TimerSet);
        _timers.Set((int)(uint)source.Payload, due);
    }

    internal void CountIdleTimeout() => IdleTimeouts++;

    private bool RunTimers(CallbackScope scope)
    {
        if (_timers.Count > 0)
        {
            long now = Environment.TickCount64;
            for (int i = 0; i < TimerShare && _timers.TryTakeDue(now, out int slot); i++)
            {
                IoSource source = _slots.At(slot);
                Notice notice = OnTimer(source, now);
                _currentPayload = source.Payload;
                if (!notice.IsNothing && !Tell(scope, source, notice))
                {
                    return false;
                }
            }
        }

        _phase = Phase.Release;
        return true;
    }

    private static Notice OnTimer(IoSource source, long now)
    {
        try
        {
            return source.OnTimer(now);
        }
        catch (Exception exception)
        {
            return new Notice(Notice.Failed, null, exception);
        }
    }

    /// <summary>The time that the loop may sleep, -1 for ever, given the time that it may sleep for other reasons.</summary>
    private int UntilTimers(int timeout)
    {
        if (_timers.Count == 0)
        {
            return timeout;
        }

        long until = _timers.Until(Environment.TickCount64);
        until = until == 0 ? 0 : until + ClockStep;
        return timeout < 0 || until < timeout ? (int)Math.Min(until, int.MaxValue) : timeout;
    }
}
