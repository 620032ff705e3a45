using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The memory of one endpoint's connections on one loop. The loop's owner keeps the blocks it gets back for the rest of its
/// turn, last in first out, so that one warm block serves connection after connection; every other thread goes to the pool.
/// </summary>
internal sealed class BlockCache : TurnResource
{
    /// <summary>What <see cref="MemoryPool{T}"/> blocks are asked for: Kestrel's own pool has blocks of just this size.</summary>
    internal const int BlockSize = 4096;

    private const int MaxBlocks = 16;
    private const int MaxSegments = 256;

    private readonly EventLoop _loop;
    private readonly int _maxPooled;
    private readonly Stack<IMemoryOwner<byte>> _blocks = new(MaxBlocks);
    private readonly Stack<BufferSegment> _segments = new();

    internal BlockCache(MemoryPool<byte> pool, EventLoop loop)
    {
        Pool = pool;
        _loop = loop;
        _maxPooled = pool.MaxBufferSize;
    }

    internal MemoryPool<byte> Pool { get; }

    /// <summary>A segment with a block that has room for at least <paramref name="sizeHint"/> bytes.</summary>
    /// <param name="sizeHint">0 for an ordinary block; beyond the pool's largest block the array pool helps out.</param>
    /// <param name="spare">A place where one segment object may wait for its next use.</param>
    internal BufferSegment Rent(int sizeHint, ref BufferSegment? spare)
    {
        bool owner = _loop.IsOwner;
        BufferSegment segment = (owner && _segments.TryPop(out BufferSegment? pooled) ? pooled : TakeSpare(ref spare)) ?? new BufferSegment();
        if (sizeHint > _maxPooled)
        {
            byte[] array = ArrayPool<byte>.Shared.Rent(Math.Max(BlockSize, sizeHint));
            segment.Attach(array, array);
        }
        else if (sizeHint <= BlockSize && owner && _blocks.TryPop(out IMemoryOwner<byte>? cached))
        {
            segment.Attach(cached, cached.Memory);
        }
        else
        {
            IMemoryOwner<byte> block = Pool.Rent(Math.Min(_maxPooled, Math.Max(BlockSize, sizeHint)));
            segment.Attach(block, block.Memory);
        }

        return segment;
    }

    /// <summary>Gives the block back and keeps the segment object where it was.</summary>
    internal void ReturnBlock(BufferSegment segment)
    {
        int segmentSize = segment.Block.Length;
        switch (segment.Detach())
        {
            case byte[] array:
                ArrayPool<byte>.Shared.Return(array);
                break;
            case IMemoryOwner<byte> block when _loop.IsOwner && !_loop.IsClosing && _blocks.Count < MaxBlocks && segmentSize == BlockSize:
                _blocks.Push(block);
                _loop.Enlist(this);
                break;
            case IMemoryOwner<byte> block:
                Dispose(block);
                break;
        }
    }

    /// <summary>Gives back the segment with its block, if it still has one.</summary>
    internal void Return(BufferSegment segment, ref BufferSegment? spare)
    {
        ReturnBlock(segment);
        segment.Recycle();
        if (_loop.IsOwner && _segments.Count < MaxSegments)
        {
            _segments.Push(segment);
        }
        else
        {
            Volatile.Write(ref spare, segment);
        }
    }

    internal override void Release()
    {
        while (_blocks.TryPop(out IMemoryOwner<byte>? block))
        {
            Dispose(block);
        }
    }

    /// <summary>A pool that throws must not keep a connection from ending.</summary>
    private void Dispose(IMemoryOwner<byte> block)
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

    private static BufferSegment? TakeSpare(ref BufferSegment? spare)
        => Volatile.Read(ref spare) is null ? null : Interlocked.Exchange(ref spare, null);
}
