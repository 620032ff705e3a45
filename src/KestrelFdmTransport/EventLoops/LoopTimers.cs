using System;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The timers of a loop's sources: few deadlines, precise, in a heap, and many idle timers, coarse, in a wheel.
/// </summary>
internal sealed class LoopTimers<T>
    where T : LoopEntry<T>
{
    /// <summary>
    /// The clock of the wheel may be this much behind the kernel's, which decides how long the loop sleeps.
    /// </summary>
    private const int ClockStep = 10;

    private readonly TimerQueue<T> _deadlines = new();
    private readonly TimerWheel _idle = new(TimerWheel.IdleTick);

    internal bool HasIdleTimers => _idle.Count > 0;

    /// <summary>
    /// Gives the source a deadline in <see cref="Stopwatch"/> ticks, in place of the one that it may have.
    /// </summary>
    internal void SetDeadline(T source, long due)
    {
        FaultPoints.Hit(FaultPoint.DeadlineSet);
        _deadlines.Set(source, due);
    }

    /// <summary>
    /// Gives the source an idle timer, due at a <see cref="Environment.TickCount64"/>, in place of the one that it may
    /// have.
    /// </summary>
    internal void SetIdle(T source, long due)
    {
        FaultPoints.Hit(FaultPoint.TimerSet);
        _idle.Set((int)(uint)source.Token, due);
    }

    internal void Clear(T source)
    {
        _deadlines.Clear(source);
        _idle.Clear((int)(uint)source.Token);
    }

    internal bool TryTakeDeadline(long now, [NotNullWhen(true)] out T? source)
        => _deadlines.TryTakeDue(now, out source);

    internal bool TryTakeIdle(long now, out int slot) => _idle.TryTakeDue(now, out slot);

    /// <summary>The time until the next timer in milliseconds, -1 if there is none.</summary>
    internal int MillisecondsUntilNext(long now)
    {
        int timeout = -1;
        long ticks = _deadlines.Until(now);
        if (ticks >= 0)
        {
            timeout = (int)Math.Min((ticks / (Stopwatch.Frequency / 1000)) + 1, int.MaxValue);
        }

        if (!HasIdleTimers)
        {
            return timeout;
        }

        long until = _idle.Until(Environment.TickCount64);
        until = until == 0 ? 0 : until + ClockStep;
        return timeout < 0 || until < timeout ? (int)Math.Min(until, int.MaxValue) : timeout;
    }
}
