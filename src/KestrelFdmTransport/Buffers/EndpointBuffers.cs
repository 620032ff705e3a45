using System;
using System.Buffers;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Buffers;

/// <summary>
/// The memory of one endpoint's connections: its pool, and the size of the blocks that the pool is asked for.
/// </summary>
/// <remarks>
/// Any thread. A thread that runs for a connection's loop passes its <see cref="BufferCache"/>, from which one warm
/// block serves connection after connection; the other threads go to the pool.
/// </remarks>
internal sealed class EndpointBuffers
{
    /// <summary>The block size to ask a <see cref="MemoryPool{T}"/> for: exactly that of Kestrel's own pool.</summary>
    internal const int BlockSize = 4096;

    /// <summary>For connections as streams, which receive as much at once as a caller's buffer would take.</summary>
    internal const int StreamBlockSize = 32 * 1024;

    private readonly ILogger _logger;
    private readonly int _blockSize;
    private readonly int _maxPooled;

    /// <summary>Makes the memory of an endpoint.</summary>
    /// <param name="pool">The pool. It is the caller's until this has returned.</param>
    /// <param name="logger">Where the failures of the pool go.</param>
    /// <param name="blockSize">The ordinary size of a block.</param>
    internal EndpointBuffers(MemoryPool<byte> pool, ILogger logger, int blockSize = BlockSize)
    {
        FaultPoints.Hit(FaultPoint.EndpointBuffersMade);
        Pool = pool;
        _logger = logger;
        _blockSize = blockSize;
        _maxPooled = pool.MaxBufferSize;
    }

    internal MemoryPool<byte> Pool { get; }

    private int PooledSize => Math.Min(_maxPooled, _blockSize);

    /// <summary>A segment with a block of at least <paramref name="sizeHint"/> bytes. User code runs here.</summary>
    /// <param name="cache">The calling thread's cache if it may be used.</param>
    /// <param name="sizeHint">0 for an ordinary block. Beyond the pool's largest block the array pool is used.</param>
    internal BufferSegment Rent(BufferCache? cache, ref SpareSegments spares, int sizeHint)
    {
        if (sizeHint > _maxPooled)
        {
            byte[] array = ArrayPool<byte>.Shared.Rent(Math.Max(_blockSize, sizeHint));
            return Attach(ref spares, array, array);
        }

        return sizeHint <= PooledSize && cache is not null && cache.TryRent(this, out CachedBlock block)
            ? Attach(ref spares, block)
            : Attach(ref spares, RentBlock(Math.Min(_maxPooled, Math.Max(_blockSize, sizeHint))));
    }

    /// <summary>A segment for the owner of a loop, who must not call the pool.</summary>
    /// <returns>Null if the cache has no block: a callback has to refill it.</returns>
    internal BufferSegment? TryRent(BufferCache cache, ref SpareSegments spares)
        => cache.TryRent(this, out CachedBlock block) ? Attach(ref spares, block) : null;

    /// <summary>An ordinary block. User code runs here.</summary>
    internal CachedBlock RentBlock() => RentBlock(PooledSize);

    /// <summary>
    /// Gives the block back, if the segment still has one, and leaves the segment object where it is.
    /// </summary>
    /// <param name="cache">The calling thread's cache if it may be used.</param>
    /// <param name="isOwner">True for the owner of a loop, who must not call the pool.</param>
    internal void ReturnBlock(BufferCache? cache, bool isOwner, BufferSegment segment)
    {
        Memory<byte> memory = segment.Block;
        switch (segment.TakeOwner())
        {
            case byte[] array:
                ArrayPool<byte>.Shared.Return(array);
                break;
            case IMemoryOwner<byte> block:
                if (cache is null
                    || (!isOwner && memory.Length != PooledSize)
                    || !TryCache(cache, isOwner, new CachedBlock(block, memory)))
                {
                    ReturnBlock(block);
                }

                break;
        }
    }

    /// <summary>Gives the block back to the pool. A pool that throws must not keep a connection from ending.</summary>
    internal void ReturnBlock(IMemoryOwner<byte> block)
    {
        try
        {
            block.Dispose();
        }
        catch (Exception exception)
        {
            Log.ReleaseFailed(_logger, exception);
        }
    }

    /// <summary>Disposes of the pool. One that throws must not keep an endpoint from ending.</summary>
    internal void DisposePool()
    {
        try
        {
            Pool.Dispose();
        }
        catch (Exception exception)
        {
            Log.ReleaseFailed(_logger, exception);
        }
    }

    private static BufferSegment Attach(ref SpareSegments spares, object owner, Memory<byte> block)
    {
        BufferSegment segment = spares.Rent();
        segment.SetOwner(owner, block);
        return segment;
    }

    private BufferSegment Attach(ref SpareSegments spares, CachedBlock block)
    {
        try
        {
            return Attach(ref spares, block.Owner, block.Memory);
        }
        catch
        {
            ReturnBlock(block.Owner);
            throw;
        }
    }

    private CachedBlock RentBlock(int size)
    {
        IMemoryOwner<byte> block = Pool.Rent(size);
        try
        {
            return new CachedBlock(block, block.Memory);
        }
        catch
        {
            // A block that throws when it is examined must still return to its pool.
            ReturnBlock(block);
            throw;
        }
    }

    private bool TryCache(BufferCache cache, bool isOwner, CachedBlock block)
    {
        try
        {
            return cache.TryReturn(this, block, isOwner);
        }
        catch (OutOfMemoryException)
        {
            // Returning must not fail: the remaining chain and the connection's end come after it. So this block goes
            // to the pool.
            return false;
        }
    }
}
