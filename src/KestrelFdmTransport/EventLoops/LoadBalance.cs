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

    // One giver at a time: two that both saw the same idle loop would bury it.
    private long _closedUntil;

    /// <summary>
    /// How many of its hot connections a loop should give away in this window, and to whom. As many as would even out the two, rounded down:
    /// a single connection that keeps a loop busy would do the same elsewhere, and so does not go back and forth.
    /// </summary>
    internal int Emigrants(EventLoop loop, long now, out EventLoop? destination)
    {
        destination = null;
        EventLoop[] loops = group.Loops;
        if (!moves || loops.Length < 2)
        {
            return 0;
        }

        int own = loop.Load.LastingBusy;
        int least = own - Tolerance;
        foreach (EventLoop other in loops)
        {
            int busy = other.Load.Busy(now);
            if (other != loop && busy < least && !other.HasFailed)
            {
                least = busy;
                destination = other;
            }
        }

        if (destination is null)
        {
            return 0;
        }

        int count = (int)((long)loop.Load.Hot * (own - least) / (2 * own));
        long closedUntil = Volatile.Read(ref _closedUntil);

        // Two windows: one in which they move, one in which both sides see what it did.
        return count > 0 && now >= closedUntil && Interlocked.CompareExchange(ref _closedUntil, now + (2 * LoopLoad.Window), closedUntil) == closedUntil
            ? count
            : 0;
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
