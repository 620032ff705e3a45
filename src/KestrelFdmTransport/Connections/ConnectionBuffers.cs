using System.Buffers;
using System.Diagnostics;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>The memory of one connection: blocks of its endpoint, and segment objects that never leave it.</summary>
/// <remarks>
/// Any thread. One that runs for the connection's loop uses the blocks of its own cache. The owner of the loop uses
/// nothing else, because the pool is user code.
/// </remarks>
internal struct ConnectionBuffers(EndpointBuffers endpoint)
{
    private readonly EndpointBuffers _endpoint = endpoint;
    private SpareSegments _spares;

    internal readonly MemoryPool<byte> Pool => _endpoint.Pool;

    /// <summary>
    /// A segment with a block that has room for at least <paramref name="sizeHint"/> bytes. User code runs here.
    /// </summary>
    internal BufferSegment Rent(EventLoop loop, int sizeHint)
    {
        BufferCache? cache = LoopThread.CacheFor(loop, out bool isOwner);
        Debug.Assert(!isOwner, "The owner of a loop must not call a pool.");
        return _endpoint.Rent(cache, ref _spares, sizeHint);
    }

    /// <summary>A segment for the owner of the loop.</summary>
    /// <returns>Null if the thread has no block at hand (<see cref="Refill"/>).</returns>
    internal BufferSegment? TryRent(EventLoop loop)
    {
        // Without a cache this is no thread of a loop: a test drives the connection, and may call the pool.
        return LoopThread.CacheFor(loop, out _) is { } cache
            ? _endpoint.TryRent(cache, ref _spares)
            : _endpoint.Rent(null, ref _spares, 0);
    }

    /// <summary>Fetches blocks for <see cref="TryRent"/>. User code runs here.</summary>
    internal readonly void Refill(EventLoop loop)
    {
        BufferCache? cache = LoopThread.CacheFor(loop, out bool isOwner);
        Debug.Assert(!isOwner, "The owner of a loop must not call a pool.");
        cache?.Refill(_endpoint);
    }

    /// <summary>The owner has run out of blocks in the middle of a dispatch.</summary>
    internal readonly void GrowRefill(EventLoop loop) => LoopThread.CacheFor(loop, out _)?.GrowRefill(_endpoint);

    /// <summary>Gives the block back, if the segment still has one. The segment object stays where it is.</summary>
    internal readonly void ReturnBlock(EventLoop loop, BufferSegment segment)
    {
        BufferCache? cache = LoopThread.CacheFor(loop, out bool isOwner);
        _endpoint.ReturnBlock(cache, isOwner, segment);
    }

    /// <summary>Gives the block back, and keeps the segment object for its next use in this connection.</summary>
    internal void Return(EventLoop loop, BufferSegment segment)
    {
        ReturnBlock(loop, segment);
        Keep(segment);
    }

    /// <summary>Keeps a segment object, whose block was given back, for its next use in this connection.</summary>
    internal void Keep(BufferSegment segment)
    {
        segment.Recycle();
        _spares.Return(segment);
    }
}
