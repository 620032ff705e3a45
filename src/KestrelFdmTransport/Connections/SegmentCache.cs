using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// Segment objects between two uses. Every thread keeps a few, and what piles up on threads that only give back goes in chains
/// through a depot to threads that only take, so that no way through a connection allocates in the long run.
/// </summary>
internal static class SegmentCache
{
    /// <summary>Enough for a response of 128 KiB.</summary>
    private const int ChainLength = 32;

    private const int DepotLength = 32;

    private static readonly BufferSegment?[] s_depot = new BufferSegment?[DepotLength];

    [ThreadStatic]
    private static BufferSegment? t_first;

    [ThreadStatic]
    private static int t_count;

    internal static BufferSegment Take()
    {
        BufferSegment? segment = t_first ?? TakeChain();
        if (segment is null)
        {
            FaultPoints.Reach(FaultPoint.SegmentMade);
            return new BufferSegment();
        }

        t_first = segment.Cached;
        t_count--;
        segment.Cached = null;
        return segment;
    }

    /// <param name="segment">A recycled segment.</param>
    internal static void Keep(BufferSegment segment)
    {
        if (t_count == 2 * ChainLength)
        {
            GiveChain();
        }

        segment.Cached = t_first;
        t_first = segment;
        t_count++;
    }

    private static BufferSegment? TakeChain()
    {
        foreach (ref BufferSegment? place in s_depot.AsSpan())
        {
            if (Volatile.Read(ref place) is not null && Interlocked.Exchange(ref place, null) is { } chain)
            {
                t_count = ChainLength;
                return chain;
            }
        }

        return null;
    }

    /// <summary>The older half goes to the depot, or to the collector if that is full.</summary>
    private static void GiveChain()
    {
        BufferSegment last = t_first!;
        for (int i = 1; i < ChainLength; i++)
        {
            last = last.Cached!;
        }

        BufferSegment chain = last.Cached!;
        last.Cached = null;
        t_count = ChainLength;
        foreach (ref BufferSegment? place in s_depot.AsSpan())
        {
            if (Volatile.Read(ref place) is null && Interlocked.CompareExchange(ref place, chain, null) is null)
            {
                return;
            }
        }
    }
}
