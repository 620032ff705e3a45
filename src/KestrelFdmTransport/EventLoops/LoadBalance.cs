using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Decides which loop takes a new connection, and which loop gives hot ones to another.</summary>
internal sealed class LoadBalance(EventLoopGroup group, bool moves)
{
    /// <summary>Thousandths of a loop's time; a smaller difference is not worth a move.</summary>
    private const int Tolerance = 200;

    /// <summary>
    /// Going to the back of the kernel's queue balances connections that come one by one; only in a burst does a loop get further
    /// ahead than this, and then giving a connection away is worth waking its new owner.
    /// </summary>
    private const int HandOverMargin = 4;

    /// <summary>A loop that is busier than this has no time to spare, and how much more it would need does not show in its time.</summary>
    private const int Saturated = 900;

    /// <summary>The heat of two loops may differ by so many of what both have together: 53 by 47.</summary>
    private const int HeatTolerance = 16;

    /// <summary>
    /// Where the loops' time can be evened out, heat must not undo it: so it rests after a move by time, and twice as long each time that
    /// had to put right what heat did.
    /// </summary>
    private static readonly long s_heatRest = 10 * Stopwatch.Frequency;

    private static readonly long s_mostHeatRest = 64 * s_heatRest;

    // One giver at a time: two that both saw the same idle loop would bury it.
    private long _closedUntil;

    // Whoever has begun a move writes these; a lost update is a rest that is too short once.
    private long _heatRest = s_heatRest;
    private long _heatRestsUntil;
    private bool _movedByHeat;

    /// <summary>How many of its hot connections a loop should give away in this window, and to whom.</summary>
    internal int Emigrants(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        if (!moves || group.Loops.Length < 2)
        {
            return 0;
        }

        int count = ByTime(loop, now, out destination);
        bool byHeat = count == 0 && now >= Volatile.Read(ref _heatRestsUntil);
        if (byHeat)
        {
            count = ByHeat(loop, now, out destination);
        }

        if (count == 0 || !TryBegin(now))
        {
            return 0;
        }

        NoteMove(now, byHeat);
        return count;
    }

    private void NoteMove(long now, bool byHeat)
    {
        if (!byHeat)
        {
            if (_movedByHeat)
            {
                _heatRest = Math.Min(s_mostHeatRest, 2 * _heatRest);
            }

            Volatile.Write(ref _heatRestsUntil, now + _heatRest);
        }

        _movedByHeat = byHeat;
    }

    /// <summary>Two windows: one in which they move, one in which both sides see what it did.</summary>
    private bool TryBegin(long now)
    {
        long closedUntil = Volatile.Read(ref _closedUntil);
        return now >= closedUntil && Interlocked.CompareExchange(ref _closedUntil, now + (2 * LoopLoad.Window), closedUntil) == closedUntil;
    }

    /// <summary>
    /// As many as would even out the time that two loops are busy, rounded down: a single connection that keeps a loop busy would do the same
    /// elsewhere, and so does not go back and forth.
    /// </summary>
    private int ByTime(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        int own = loop.Load.LastingBusy;
        int least = own - Tolerance;
        foreach (EventLoop other in group.Loops)
        {
            int busy = other.Load.Busy(now);
            if (other != loop && busy < least && !other.HasFailed)
            {
                least = busy;
                destination = other;
            }
        }

        return destination is null ? 0 : (int)((long)loop.Load.Hot * (own - least) / (2 * own));
    }

    /// <summary>Where no loop has time to spare, those with many hot connections serve each of them less often than the others.</summary>
    private int ByHeat(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        if (loop.Load.LastingBusy < Saturated)
        {
            return 0;
        }

        int own = loop.Load.Heat(now);
        int least = own;
        foreach (EventLoop other in group.Loops)
        {
            if (other.HasFailed || other.Load.Busy(now) < Saturated)
            {
                return 0;
            }

            int heat = other.Load.Heat(now);
            if (heat < least)
            {
                least = heat;
                destination = other;
            }
        }

        int difference = own - least;
        return difference > (own + least) / HeatTolerance ? (int)((long)loop.Load.Hot * difference / (2 * own)) : 0;
    }

    /// <summary>True if this loop has more than its share of the connections and of the heat.</summary>
    internal bool IsAboveShare(EventLoop loop)
    {
        EventLoop[] loops = group.Loops;
        long total = 0;
        foreach (EventLoop other in loops)
        {
            total += Weight(other, loop.Now);
        }

        return Weight(loop, loop.Now) * loops.Length > total;
    }

    /// <summary>
    /// The loop that a connection accepted by <paramref name="acceptor"/> should live on: the acceptor's own, unless a burst has
    /// left another one clearly behind.
    /// </summary>
    internal EventLoop Home(EventLoop acceptor)
    {
        EventLoop home = acceptor;
        long least = Weight(acceptor, acceptor.Now) - HandOverMargin;
        foreach (EventLoop loop in group.Loops)
        {
            long weight = Weight(loop, acceptor.Now);
            if (weight < least && !loop.HasFailed)
            {
                home = loop;
                least = weight;
            }
        }

        return home;
    }

    /// <summary>Connections count, and hot ones count up to nine times; so neither the many nor the busy pile up on one loop.</summary>
    private static long Weight(EventLoop loop, long now) => (long)loop.Connections + loop.Load.Heat(now);
}
