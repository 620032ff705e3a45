using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Buffers;

/// <summary>The unused segment objects of one connection, shared by its reader and its writer.</summary>
/// <remarks>
/// They never reach another connection: a late caller may still hold a segment of a connection that has ended, and must
/// not damage another one. Any thread. A caller takes the whole list at once, so no two threads work on one segment.
/// </remarks>
internal struct SpareSegments
{
    /// <summary>Enough for a response of 128 KiB.</summary>
    private const int MaxCount = 32;

    private BufferSegment? _first;

    internal BufferSegment Rent()
    {
        if (Volatile.Read(ref _first) is null || Interlocked.Exchange(ref _first, null) is not { } segment)
        {
            FaultPoints.Hit(FaultPoint.SegmentMade);
            return new BufferSegment();
        }

        if (segment.NextSpare is { } rest)
        {
            // If another thread has stored some meanwhile, these go to the garbage collector.
            Interlocked.CompareExchange(ref _first, rest, null);
        }

        segment.LeaveSpares();
        return segment;
    }

    internal void Return(BufferSegment segment)
    {
        BufferSegment? rest = Volatile.Read(ref _first) is null ? null : Interlocked.Exchange(ref _first, null);
        if (rest is null || rest.SpareCount < MaxCount)
        {
            segment.JoinSpares(rest);
            rest = segment;
        }

        Interlocked.CompareExchange(ref _first, rest, null);
    }
}
