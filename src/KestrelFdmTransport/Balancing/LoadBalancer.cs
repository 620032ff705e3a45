using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Balancing;

/// <summary>Decides which loop takes a new connection, and which loop gives hot ones to another.</summary>
internal sealed class LoadBalancer(EventLoopGroup group, bool moves)
{
    /// <summary>Thousandths of a loop's time; a smaller difference is not worth a move.</summary>
    private const int Tolerance = 200;

    /// <summary>
    /// What a connection counts beside itself until its heat is known: as much as if it were as hot as can be.
    /// </summary>
    private const int NewConnectionWeight = PollingPolicy.CounterMax;

    /// <summary>
    /// Going to the back of the kernel's queue balances connections that come one by one; only in a burst does a loop
    /// get further ahead than this, four newcomers, and then giving a connection away is worth waking its new owner.
    /// </summary>
    private const int AcceptImbalanceThreshold = 4 * (1 + NewConnectionWeight);

    /// <summary>
    /// The others with which a loop that accepts compares itself, taken in turn. The best of so few is nearly as good
    /// as the best of all; and to look at hundreds of loops, each on cache lines of its own, would cost more than to
    /// accept.
    /// </summary>
    private const int Sample = 8;

    /// <summary>The heat of two loops may differ by this part of what both have together: 53 by 47.</summary>
    private const int ActivityTolerance = 16;

    /// <summary>
    /// Where the loops' time can be evened out, heat must not undo it: so it rests after a move by time, and twice as
    /// long each time that had to put right what heat did.
    /// </summary>
    private static readonly long s_minCooldown = Stopwatch.Frequency;

    private static readonly long s_maxCooldown = 600 * s_minCooldown;

    // Whoever has begun a move writes these; a lost update is a rest that is too short or too long once.
    private long _cooldown = s_minCooldown;
    private long _cooldownUntil;
    private long _migratedAt;
    private EventLoop? _migrationSource;
    private EventLoop? _migrationTarget;

    /// <summary>True if loops may give connections to others.</summary>
    internal bool IsEnabled => moves && group.Loops.Length > 1;

    /// <summary>How many of its hot connections a loop should give away in this window, and to whom.</summary>
    internal int PlanMigrations(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        if (!IsEnabled)
        {
            return 0;
        }

        if (!loop.Utilization.IsSettled(now))
        {
            // Who was ahead before a move has to show it again.
            loop.Utilization.IsAhead(false);
            return 0;
        }

        int count = PlanByUtilization(loop, now, out destination);
        bool byTime = loop.Utilization.IsAhead(count > 0);
        if (!byTime && (destination is null || count > 0))
        {
            count = PlanByActivity(loop, now, out destination);
        }

        // The receiver first: two that both saw the same idle loop would bury it.
        if (count == 0 || !destination!.Utilization.TryBeginMigration(now) || !loop.Utilization.TryBeginMigration(now))
        {
            return 0;
        }

        if (byTime)
        {
            ApplyCooldown(loop, destination, now);
        }
        else
        {
            _migratedAt = now;
            _migrationSource = loop;
            _migrationTarget = destination;
        }

        return count;
    }

    /// <summary>
    /// Time has moved some. If it had to put right what heat has moved lately, heat rests the longer.
    /// </summary>
    private void ApplyCooldown(EventLoop giver, EventLoop receiver, long now)
    {
        bool lately = _migrationTarget is not null && now - _migratedAt < _cooldown + s_minCooldown;
        if (lately && _migrationTarget == giver && _migrationSource == receiver)
        {
            _cooldown = Math.Min(s_maxCooldown, 2 * _cooldown);
            _migrationTarget = null;
        }
        else if (!lately)
        {
            _cooldown = Math.Max(s_minCooldown, _cooldown / 2);
        }

        Volatile.Write(ref _cooldownUntil, now + _cooldown);
    }

    /// <summary>
    /// As many as would even out the time that two loops are busy, rounded down: a single connection that keeps a loop
    /// busy would do the same elsewhere, and so does not go back and forth.
    /// </summary>
    private int PlanByUtilization(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        int own = loop.Utilization.SustainedUtilization;
        int least = own - Tolerance;
        long asOf = loop.Utilization.JudgesAsOf;
        foreach (EventLoop other in group.Loops)
        {
            int busy = other.Utilization.Utilization(asOf);
            if (busy < least && CanReceive(other, loop, now))
            {
                least = busy;
                destination = other;
            }
        }

        return destination is null ? 0 : (int)((long)loop.Utilization.Hot * (own - least) / (2 * own));
    }

    /// <summary>
    /// Between loops that are about equally busy: the one with more hot connections serves each of them less often. As
    /// many as even out the heat and, where there is time to spare, do not set the times apart.
    /// </summary>
    private int PlanByActivity(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        long asOf = loop.Utilization.JudgesAsOf;
        int own = loop.Utilization.SustainedActivity(now);
        int least = own;
        foreach (EventLoop other in group.Loops)
        {
            int heat = other.Utilization.EstablishedActivity(asOf);
            if (heat < least && CanReceive(other, loop, now))
            {
                least = heat;
                destination = other;
            }
        }

        int difference = own - least;
        if (destination is null || difference <= (own + least) / ActivityTolerance)
        {
            return 0;
        }

        int count = (int)((long)loop.Utilization.Hot * difference / (2 * own));
        int busy = loop.Utilization.SustainedUtilization;
        int others = destination.Utilization.Utilization(asOf);
        if (loop.Utilization.Utilization(now) > LoopUtilization.Saturated && others > LoopUtilization.Saturated)
        {
            return count;
        }

        if (now < Volatile.Read(ref _cooldownUntil))
        {
            return 0;
        }

        // A hot connection takes busy / Hot of its loop's time, on average: with the whole tolerance, chance would
        // often have them moved back.
        int room = busy - others + (Tolerance / 4);
        return room <= 0 ? 0 : busy == 0 ? count : (int)Math.Min(count, (long)room * loop.Utilization.Hot / (2 * busy));
    }

    private static bool CanReceive(EventLoop other, EventLoop giver, long now)
        => other != giver && !other.HasFailed && other.Utilization.IsSettled(now) && !other.Utilization.IsStuck(now);

    /// <summary>
    /// True if this loop has more than its share of the connections and of the heat, among those that can accept. A
    /// loop that is stuck takes no client from the kernel, however few it has.
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
            if (other != loop && !other.Utilization.IsStuck(now))
            {
                ahead += own - Weight(other, now);
            }
        }

        return ahead > 0;
    }

    /// <summary>
    /// The loop that a connection accepted by <paramref name="acceptor"/> should live on: the acceptor's own, unless a
    /// burst has left another one clearly behind. One that is stuck is not behind: it accepts nothing, and would let
    /// the connection wait.
    /// </summary>
    internal EventLoop SelectLoop(EventLoop acceptor, long now)
    {
        EventLoop home = acceptor;
        long least = Weight(acceptor, now) - AcceptImbalanceThreshold;
        EventLoop[] loops = group.Loops;
        for (int i = Compared(loops); i > 0; i--)
        {
            EventLoop loop = Other(loops, acceptor, i);
            long weight = Weight(loop, now);

            // By the clock of this moment: the acceptor may be far in a turn itself.
            if (weight < least && !loop.HasFailed && !loop.Utilization.IsStuck(Stopwatch.GetTimestamp()))
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

    /// <summary>
    /// Connections count, and hot ones count up to nine times, as do new ones; so neither the many nor the busy pile up
    /// on one loop.
    /// </summary>
    private static long Weight(EventLoop loop, long now)
        => (long)loop.ConnectionCount
            + loop.Utilization.SustainedActivity(now)
            + (NewConnectionWeight * loop.Utilization.RecentAccepts(now));
}
