using System;
using System.Buffers;
using System.Threading;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>A pool that does what a test wants at the moments when user code runs.</summary>
internal sealed class HookedPool : MemoryPool<byte>
{
    private int _rented;
    private int _returnedTwice;

    public override int MaxBufferSize => 4096;

    /// <summary>What happens before a block is given out.</summary>
    public Action? OnRent { get; set; }

    /// <summary>What happens before a block, which it gets, is taken back.</summary>
    public Action<MemoryManager<byte>>? OnReturn { get; set; }

    /// <summary>What happens when a block is looked at.</summary>
    public Action? OnLook { get; set; }

    /// <summary>What happens when a block is pinned.</summary>
    public Action? OnPin { get; set; }

    /// <summary>The blocks that are out at this moment.</summary>
    public int Rented => Volatile.Read(ref _rented);

    /// <summary>Pins that have not been taken back.</summary>
    public int Pins { get; private set; }

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        OnRent?.Invoke();
        Interlocked.Increment(ref _rented);
        return new Block(this);
    }

    public void AssertAllReturned()
    {
        Assert.Equal((0, 0), (Rented, Volatile.Read(ref _returnedTwice)));
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Block(HookedPool pool) : MemoryManager<byte>
    {
        private readonly byte[] _array = new byte[4096];
        private int _returned;

        public override Span<byte> GetSpan()
        {
            pool.OnLook?.Invoke();
            return _array;
        }

        public override MemoryHandle Pin(int elementIndex = 0)
        {
            pool.OnPin?.Invoke();
            pool.Pins++;
            MemoryHandle handle = _array.AsMemory(elementIndex).Pin();
            unsafe
            {
                return new MemoryHandle(handle.Pointer, pinnable: new Pinned(this, handle));
            }
        }

        public override void Unpin() => pool.Pins--;

        protected override void Dispose(bool disposing)
        {
            pool.OnReturn?.Invoke(this);
            if (Interlocked.Exchange(ref _returned, 1) != 0)
            {
                Interlocked.Increment(ref pool._returnedTwice);
                return;
            }

            Interlocked.Decrement(ref pool._rented);
        }
    }

    private sealed class Pinned(Block block, MemoryHandle handle) : IPinnable
    {
        public MemoryHandle Pin(int elementIndex) => throw new NotSupportedException();

        public void Unpin()
        {
            handle.Dispose();
            block.Unpin();
        }
    }
}
