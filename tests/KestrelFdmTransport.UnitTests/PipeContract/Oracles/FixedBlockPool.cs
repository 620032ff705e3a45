using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A pool like Kestrel's: blocks of 4096 bytes only. Returned blocks are overwritten, so that a late reader sees
/// damage, and every lease is counted.
/// </summary>
internal sealed class FixedBlockPool : MemoryPool<byte>
{
    public const int BlockSize = 4096;

    private readonly Stack<byte[]> _blocks = new();
    private int _outstanding;

    public override int MaxBufferSize => BlockSize;

    /// <summary>Blocks rented and not returned.</summary>
    public int Outstanding => Volatile.Read(ref _outstanding);

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
        Interlocked.Increment(ref _outstanding);
        lock (_blocks)
        {
            return new Lease(this, _blocks.TryPop(out byte[]? block) ? block : new byte[BlockSize]);
        }
    }

    protected override void Dispose(bool disposing)
    {
    }

    private void Return(byte[] block)
    {
        block.AsSpan().Fill(0xDD);
        Interlocked.Decrement(ref _outstanding);
        lock (_blocks)
        {
            _blocks.Push(block);
        }
    }

    private sealed class Lease(FixedBlockPool pool, byte[] block) : IMemoryOwner<byte>
    {
        private byte[]? _block = block;

        public Memory<byte> Memory => _block ?? throw new ObjectDisposedException(nameof(Lease));

        public void Dispose()
        {
            byte[] last = Interlocked.Exchange(ref _block, null)
                ?? throw new InvalidOperationException("A block was returned twice.");
            pool.Return(last);
        }
    }
}
