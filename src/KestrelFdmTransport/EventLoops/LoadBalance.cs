using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Decides which loop takes a new connection, and which loop gives hot ones to another.</summary>
internal sealed class LoadBalance(EventLoopGroup group, bool moves)
{
    /// <summary>Thousandths of a loop's time; a smaller difference is not worth a move.</summary>
    private const int Tolerance = 200;

    /// <summary>What a connection counts beside itself until its heat is known: as much as if it were as hot as can be.</summary>
    private const int NewcomerHeat = PollingRules.CounterMax;

    /// <summary>
    /// Going to the back of the kernel's queue balances connections that come one by one; only in a burst does a loop get further
    /// ahead than this, four newcomers, and then giving a connection away is worth waking its new owner.
    /// </summary>
    private const int HandOverMargin = 4 * (1 + NewcomerHeat);

    /// <summary>
    /// The others with which a loop that accepts compares itself, taken in turn. The best of so few is nearly as good as the best of all; and to look at hundreds of loops, each on
    /// cache lines of its own, would cost more than to accept.
    /// </summary>
    private const int Sample = 8;

    /// <summary>The heat of two loops may differ by this part of what both have together: 53 by 47.</summary>
    private const int HeatTolerance = 16;

    /// <summary>
    /// Where the loops' time can be evened out, heat must not undo it: so it rests after a move by time, and twice as long each time that
    /// had to put right what heat did.
    /// </summary>
    private static readonly long s_heatRest = Stopwatch.Frequency;

    private static readonly long s_mostHeatRest = 600 * s_heatRest;

    // Whoever has begun a move writes these; a lost update is a rest that is too short or too long once.
    private long _heatRest = s_heatRest;
    private long _heatRestsUntil;
    private long _heatMovedAt;
    private EventLoop? _heatGiver;
    private EventLoop? _heatReceiver;

    /// <summary>True if loops may give connections to others.</summary>
    internal bool Moves => moves && group.Loops.Length > 1;

    /// <summary>How many of its hot connections a loop should give away in this window, and to whom.</summary>
    internal int Emigrants(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        if (!Moves)
        {
            return 0;
        }

        if (!loop.Load.IsSettled(now))
        {
            // Who was ahead before a move has to show it again.
            loop.Load.IsAhead(false);
            return 0;
        }

        int count = ByTime(loop, now, out destination);
        bool byTime = loop.Load.IsAhead(count > 0);
        if (!byTime && (destination is null || count > 0))
        {
            count = ByHeat(loop, now, out destination);
        }

        // The receiver first: two that both saw the same idle loop would bury it.
        if (count == 0 || !destination!.Load.TryBeginMove(now) || !loop.Load.TryBeginMove(now))
        {
            return 0;
        }

        if (byTime)
        {
            RestHeat(loop, destination, now);
        }
        else
        {
            _heatMovedAt = now;
            _heatGiver = loop;
            _heatReceiver = destination;
        }

        return count;
    }

    /// <summary>Time has moved some. If it had to put right what heat has moved lately, heat rests the longer.</summary>
    private void RestHeat(EventLoop giver, EventLoop receiver, long now)
    {
        bool lately = _heatReceiver is not null && now - _heatMovedAt < _heatRest + s_heatRest;
        if (lately && _heatReceiver == giver && _heatGiver == receiver)
        {
            _heatRest = Math.Min(s_mostHeatRest, 2 * _heatRest);
            _heatReceiver = null;
        }
        else if (!lately)
        {
            _heatRest = Math.Max(s_heatRest, _heatRest / 2);
        }

        Volatile.Write(ref _heatRestsUntil, now + _heatRest);
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
        long asOf = loop.Load.JudgesAsOf;
        foreach (EventLoop other in group.Loops)
        {
            int busy = other.Load.Busy(asOf);
            if (busy < least && MayReceive(other, loop, now))
            {
                least = busy;
                destination = other;
            }
        }

        return destination is null ? 0 : (int)((long)loop.Load.Hot * (own - least) / (2 * own));
    }

    /// <summary>
    /// Between loops that are about equally busy: the one with more hot connections serves each of them less often. As many as even out the heat
    /// and, where there is time to spare, do not set the times apart.
    /// </summary>
    private int ByHeat(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        long asOf = loop.Load.JudgesAsOf;
        int own = loop.Load.LastingHeat(now);
        int least = own;
        foreach (EventLoop other in group.Loops)
        {
            int heat = other.Load.ProvenHeat(asOf);
            if (heat < least && MayReceive(other, loop, now))
            {
                least = heat;
                destination = other;
            }
        }

        int difference = own - least;
        if (destination is null || difference <= (own + least) / HeatTolerance)
        {
            return 0;
        }

        int count = (int)((long)loop.Load.Hot * difference / (2 * own));
        int busy = loop.Load.LastingBusy;
        int others = destination.Load.Busy(asOf);
        if (loop.Load.Busy(now) > LoopLoad.Saturated && others > LoopLoad.Saturated)
        {
            return count;
        }

        if (now < Volatile.Read(ref _heatRestsUntil))
        {
            return 0;
        }

        // A hot connection takes busy / Hot of its loop's time, on average: with the whole tolerance, chance would often have them moved back.
        int room = busy - others + (Tolerance / 4);
        return room <= 0 ? 0 : busy == 0 ? count : (int)Math.Min(count, (long)room * loop.Load.Hot / (2 * busy));
    }

    private static bool MayReceive(EventLoop other, EventLoop giver, long now)
        => other != giver && !other.HasFailed && other.Load.IsSettled(now) && !other.Load.IsStuck(now);

    /// <summary>
    /// True if this loop has more than its share of the connections and of the heat, among those that can accept. A loop that is stuck takes no client from
    /// the kernel, however few it has.
    /// </summary>
    internal bool IsAboveShare(EventLoop loop)
    {
        long now = loop.Now;
        long own = Weight(loop, now);
        long ahead = 0;
        EventLoop[] loops = group.Loops;
        for (int i = Compared(loops); i > 0; i--)
        {
            EventLoop other = Other(loops, loop, i);
            if (other != loop && !other.Load.IsStuck(now))
            {
                ahead += own - Weight(other, now);
            }
        }

        return ahead > 0;
    }

    /// <summary>
    /// The loop that a connection accepted by <paramref name="acceptor"/> should live on: the acceptor's own, unless a burst has
    /// left another one clearly behind. One that is stuck is not behind: it accepts nothing, and would let the connection wait.
    /// </summary>
    internal EventLoop Home(EventLoop acceptor, long now)
    {
        EventLoop home = acceptor;
        long least = Weight(acceptor, now) - HandOverMargin;
        EventLoop[] loops = group.Loops;
        for (int i = Compared(loops); i > 0; i--)
        {
            EventLoop loop = Other(loops, acceptor, i);
            long weight = Weight(loop, now);

            // By the clock of this moment: the acceptor may be far in a turn itself.
            if (weight < least && !loop.HasFailed && !loop.Load.IsStuck(Stopwatch.GetTimestamp()))
            {
                home = loop;
                least = weight;
            }
        }

        return home;
    }

    private static int Compared(EventLoop[] loops) => Math.Min(Sample, loops.Length - 1);

    private static EventLoop Other(EventLoop[] loops, EventLoop loop, int number)
        => loops[(int)((loop.Index + 1 + (((loop.Accepts * Sample) + number) % (loops.Length - 1))) % loops.Length)];

    /// <summary>Connections count, and hot ones count up to nine times, as do new ones; so neither the many nor the busy pile up on one loop.</summary>
    private static long Weight(EventLoop loop, long now)
        => (long)loop.Connections + loop.Load.LastingHeat(now) + (NewcomerHeat * loop.Load.Newcomers(now));
}
