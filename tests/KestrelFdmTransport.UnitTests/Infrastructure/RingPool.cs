using System;
using System.Buffers;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// A pool that costs next to nothing, so that a race is not hidden behind the work of returning a block. A block is
/// given out again after 64 others, returned or not.
/// </summary>
internal sealed class RingPool : MemoryPool<byte>
{
    private readonly Block[] _ring = new Block[64];
    private int _next;

    public RingPool()
    {
        for (int i = 0; i < _ring.Length; i++)
        {
            _ring[i] = new Block();
        }
    }

    /// <summary>What happens before a block is given out.</summary>
    public Action? OnRent { get; init; }

    public override int MaxBufferSize => 4096;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        OnRent?.Invoke();
        return _ring[_next++ % _ring.Length];
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Block : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = new byte[4096];

        public void Dispose()
        {
        }
    }
}
