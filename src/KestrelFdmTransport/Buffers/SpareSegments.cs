using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Buffers;

/// <summary>The segment objects of one connection between two uses. Its reader and its writer share them.</summary>
/// <remarks>
/// They never reach another connection. A caller that comes too late, after its connection has ended, may still hold a
/// segment, and whatever it does to it must stay in that connection. Any thread; one that wants some takes all there
/// are, so no thread works on what another has.
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
            // If others have been kept meanwhile, these are left to the collector.
            Interlocked.CompareExchange(ref _first, rest, null);
        }

        segment.LeaveSpares();
        return segment;
    }

    /// <param name="segment">A recycled segment.</param>
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
