using System;
using System.Diagnostics;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Balancing;

/// <summary>Selects the loop for a new connection, and plans which loop gives hot connections to another.</summary>
/// <param name="loops">Returns the loops of the group, in the order of their indexes.</param>
/// <param name="migrates">False: connections stay on their loop.</param>
internal sealed class LoadBalancer<TLoop>(Func<TLoop[]> loops, bool migrates)
    where TLoop : class, IBalancedLoop
{
    /// <summary>Thousandths of a loop's time; a smaller difference is not worth a migration.</summary>
    private const int Tolerance = 200;

    /// <summary>
    /// Between loops without time to spare the difference may be this part of the activity: 53 to 47.
    /// </summary>
    private const int ActivityTolerance = 8;

    /// <summary>The weight of a connection whose activity is not known yet: that of the hottest.</summary>
    private const int NewConnectionWeight = PollingPolicy.CounterMax;

    /// <summary>
    /// The kernel's queue balances connections that come one by one. Only in a burst does a loop get further ahead than
    /// this, four new connections, and then giving one away is worth the wake-up.
    /// </summary>
    private const int AcceptImbalanceThreshold = 4 * (1 + NewConnectionWeight);

    /// <summary>
    /// An accepting loop compares itself with this many others, in rotation. The best of eight is nearly the best of
    /// all, and a look at hundreds of loops would cost more than the accept.
    /// </summary>
    private const int Sample = 8;

    internal bool IsEnabled => migrates && loops().Length > 1;

    /// <summary>
    /// Returns how many hot connections the loop should give away in this window, and to which loop. Owner only.
    /// </summary>
    internal int PlanMigrations(TLoop loop, long now, out TLoop? destination)
    {
        destination = null;
        if (!IsEnabled)
        {
            return 0;
        }

        LoopUtilization own = loop.Utilization;
        int count = own.IsSettled(now) ? Plan(loop, now, out destination) : 0;

        // The receiver first: otherwise two loops could both migrate to the same idle loop.
        return own.IsAhead(count > 0) && destination!.Utilization.TryBeginMigration(now) && own.TryBeginMigration(now)
            ? count
            : 0;
    }

    /// <summary>
    /// As many connections as even out the two scores, rounded down: a single connection that fills a loop would fill
    /// the other as well, and so does not go back and forth.
    /// </summary>
    private int Plan(TLoop loop, long now, out TLoop? destination)
    {
        destination = null;
        LoopUtilization own = loop.Utilization;
        bool saturated = own.SustainedUtilization > LoopUtilization.Saturated;
        int least = int.MaxValue;
        foreach (TLoop other in loops())
        {
            // A loop without time to spare needs more than all of it, and how much more shows in its activity alone.
            LoopUtilization theirs = other.Utilization;
            int utilization = theirs.Utilization(own.JudgesAsOf);
            int score = saturated && utilization > LoopUtilization.Saturated
                ? LoopUtilization.Scale + theirs.EstablishedActivity(own.JudgesAsOf)
                : utilization;
            if (score < least && CanReceive(other, loop, now))
            {
                least = score;
                destination = other;
            }
        }

        bool byActivity = saturated && least >= LoopUtilization.Scale;
        int more = byActivity ? own.SustainedActivity(now) : own.SustainedUtilization;
        int less = byActivity ? least - LoopUtilization.Scale : least;
        int tolerance = byActivity ? more / ActivityTolerance : Tolerance;
        return destination is null || more - less <= tolerance ? 0 : (int)((long)own.Hot * (more - less) / (2 * more));
    }

    private static bool CanReceive(TLoop other, TLoop giver, long now)
        => other != giver && !other.HasFailed && other.Utilization.IsSettled(now) && !other.Utilization.IsStuck(now);

    /// <summary>
    /// True if this loop has more than its share of the connections and the activity, among the loops that can accept.
    /// A stuck loop accepts nothing, however few connections it has.
    /// </summary>
    internal bool IsAboveShare(TLoop loop, long now)
    {
        long own = Weight(loop, now);
        long ahead = 0;
        TLoop[] all = loops();
        for (int i = Compared(all); i > 0; i--)
        {
            TLoop other = Other(all, loop, i);
            if (other != loop && !other.Utilization.IsStuck(now))
            {
                ahead += own - Weight(other, now);
            }
        }

        return ahead > 0;
    }

    /// <summary>
    /// The loop for a connection that <paramref name="acceptor"/> has accepted: its own, unless another loop is clearly
    /// behind after a burst. A stuck loop is never chosen, because the connection would wait there.
    /// </summary>
    internal TLoop SelectLoop(TLoop acceptor, long now)
    {
        TLoop selected = acceptor;
        long least = Weight(acceptor, now) - AcceptImbalanceThreshold;
        TLoop[] all = loops();
        for (int i = Compared(all); i > 0; i--)
        {
            TLoop loop = Other(all, acceptor, i);
            long weight = Weight(loop, now);

            // Read now: the acceptor's own iteration may have taken long.
            if (weight < least && !loop.HasFailed && !loop.Utilization.IsStuck(Stopwatch.GetTimestamp()))
            {
                selected = loop;
                least = weight;
            }
        }

        return selected;
    }

    private static int Compared(TLoop[] loops) => Math.Min(Sample, loops.Length - 1);

    private static TLoop Other(TLoop[] loops, TLoop loop, int number)
        => loops[(int)((loop.Index + 1 + (((loop.Accepts * Sample) + number) % (loops.Length - 1))) % loops.Length)];

    /// <summary>
    /// A hot connection weighs up to nine, as does a new one: neither the many nor the busy pile up on one loop.
    /// </summary>
    private static long Weight(TLoop loop, long now)
        => (long)loop.ConnectionCount
            + loop.Utilization.SustainedActivity(now)
            + (NewConnectionWeight * loop.Utilization.RecentAccepts(now));
}
