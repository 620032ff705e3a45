using System;
using System.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Buffers;

/// <summary>
/// The memory of one endpoint's connections on one loop. A loop's thread keeps the blocks it gets back for the rest of
/// its turn, so that one warm block serves connection after connection; every other thread goes to the pool.
/// </summary>
internal sealed class EndpointBuffers
{
    /// <summary>
    /// What <see cref="MemoryPool{T}"/> blocks are asked for: Kestrel's own pool has blocks of just this size.
    /// </summary>
    internal const int BlockSize = 4096;

    /// <summary>
    /// For connections as streams, which receive as much at once as a socket would into its caller's buffer.
    /// </summary>
    internal const int StreamBlockSize = 32 * 1024;

    private static readonly Func<object, ThreadCache> s_createThreadCache = static key => new BufferCache(key);

    private readonly EventLoop _loop;
    private readonly int _blockSize;
    private readonly int _maxPooled;

    internal EndpointBuffers(MemoryPool<byte> pool, EventLoop loop, int blockSize = BlockSize)
        : this(pool, loop, blockSize, pool.MaxBufferSize)
    {
    }

    private EndpointBuffers(MemoryPool<byte> pool, EventLoop loop, int blockSize, int maxPooled)
    {
        FaultPoints.Hit(FaultPoint.EndpointBuffersMade);
        Pool = pool;
        _loop = loop;
        _blockSize = blockSize;
        _maxPooled = maxPooled;
    }

    internal MemoryPool<byte> Pool { get; }

    /// <summary>The caches of the same endpoint, by the index of their loop.</summary>
    internal EndpointBuffers[] PerLoop { get; set; } = [];

    private int PooledSize => Math.Min(_maxPooled, _blockSize);

    /// <summary>The same endpoint's cache on another loop.</summary>
    internal EndpointBuffers ForLoop(EventLoop loop)
        => loop.Index < PerLoop.Length ? EndpointBufferSets.Create(PerLoop, loop) : this;

    /// <summary>
    /// This cache, or one with the same pool if the loop is another than this cache's: it has been restarted.
    /// </summary>
    internal EndpointBuffers GetForLoop(EventLoop loop)
        => loop == _loop ? this : new EndpointBuffers(Pool, loop, _blockSize, _maxPooled) { PerLoop = PerLoop };

    /// <summary>
    /// A segment with a block that has room for at least <paramref name="sizeHint"/> bytes. User code runs here.
    /// </summary>
    /// <param name="spares">The segment objects of the connection.</param>
    /// <param name="sizeHint">0 for an ordinary block; beyond the pool's largest block the array pool helps
    /// out.</param>
    internal BufferSegment Rent(ref SpareSegments spares, int sizeHint)
    {
        BufferCache? cache = GetThreadCache();
        if (sizeHint > _maxPooled)
        {
            byte[] array = ArrayPool<byte>.Shared.Rent(Math.Max(_blockSize, sizeHint));
            return Attach(ref spares, array, array);
        }

        IMemoryOwner<byte> block =
            sizeHint <= PooledSize && cache is not null && cache.TryTake(out IMemoryOwner<byte>? kept)
            ? kept!
            : Pool.Rent(Math.Min(_maxPooled, Math.Max(_blockSize, sizeHint)));
        return Attach(ref spares, block);
    }

    /// <summary>
    /// A segment for a loop's owner, who must not go to the pool; null if nothing is at hand (<see cref="Refill"/>).
    /// </summary>
    /// <param name="spares">The segment objects of the connection.</param>
    internal BufferSegment? TryRent(ref SpareSegments spares)
    {
        BufferCache? cache = GetThreadCache();
        if (cache is null)
        {
            // No thread of a loop: somebody drives this by hand, and may go to the pool.
            return Rent(ref spares, 0);
        }

        return cache.TryTake(out IMemoryOwner<byte>? block) ? Attach(ref spares, block!) : null;
    }

    /// <summary>Gets the calling thread blocks for <see cref="TryRent"/>. User code runs here.</summary>
    internal void Refill() => GetThreadCache()?.Refill();

    /// <summary>The owner has run out of blocks in the middle of a serve.</summary>
    internal void GrowRefill() => GetThreadCache()?.GrowRefill();

    internal IMemoryOwner<byte> RentBlock() => Pool.Rent(PooledSize);

    /// <summary>Gives the block back and leaves the segment object where it is.</summary>
    internal void ReturnBlock(BufferSegment segment)
    {
        int segmentSize = segment.Block.Length;
        switch (segment.TakeOwner())
        {
            case byte[] array:
                ArrayPool<byte>.Shared.Return(array);
                break;
            case IMemoryOwner<byte> block:
                if (!TryCache(block, segmentSize == PooledSize))
                {
                    ReturnBlock(block);
                }

                break;
        }
    }

    /// <summary>
    /// Gives back the block, if the segment still has one, and keeps the segment object for its connection.
    /// </summary>
    internal void Return(ref SpareSegments spares, BufferSegment segment)
    {
        ReturnBlock(segment);
        segment.Recycle();
        spares.Return(segment);
    }

    /// <summary>A pool that throws must not keep a connection from ending.</summary>
    internal void ReturnBlock(IMemoryOwner<byte> block)
    {
        try
        {
            block.Dispose();
        }
        catch (Exception exception)
        {
            _loop.ReportPoolFailure(exception);
        }
    }

    private BufferSegment Attach(ref SpareSegments spares, IMemoryOwner<byte> block)
    {
        try
        {
            return Attach(ref spares, block, block.Memory);
        }
        catch
        {
            // A pool's memory that throws when it is looked at is still the pool's.
            ReturnBlock(block);
            throw;
        }
    }

    /// <summary>A pool that throws must not keep an endpoint from ending.</summary>
    internal void DisposePool()
    {
        try
        {
            Pool.Dispose();
        }
        catch (Exception exception)
        {
            _loop.ReportPoolFailure(exception);
        }
    }

    private static BufferSegment Attach(ref SpareSegments spares, object owner, Memory<byte> block)
    {
        BufferSegment segment = spares.Rent();
        segment.SetOwner(owner, block);
        return segment;
    }

    private bool TryCache(IMemoryOwner<byte> block, bool isOrdinary)
    {
        try
        {
            return GetThreadCache(out bool isOwner) is { } cache && cache.TryReturn(block, isOwner, isOrdinary);
        }
        catch (OutOfMemoryException)
        {
            // Giving back must not fail: the rest of a chain and the connection's end come after it. So this block goes
            // to the pool.
            return false;
        }
    }

    private BufferCache? GetThreadCache() => GetThreadCache(out _);

    private BufferCache? GetThreadCache(out bool isOwner)
        => (BufferCache?)LoopThread.Cache(_loop, this, s_createThreadCache, out isOwner);
}
