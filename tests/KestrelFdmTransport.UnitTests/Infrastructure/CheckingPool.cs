using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Threading;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Kestrel's blocks of 4096 bytes, and a record of what is done to them: how many are out, and whether one came back
/// twice, was used after its return or was written to afterwards.
/// </summary>
internal sealed class CheckingPool : IMemoryPoolFactory<byte>
{
    public const int BlockSize = 4096;

    private const byte Poison = 0xDB;
    private const int QuarantineLength = 256;

    private readonly ConcurrentQueue<byte[]> _quarantine = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private int _rented;

    /// <summary>The blocks that are out at this moment.</summary>
    public int Rented => Volatile.Read(ref _rented);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool(this);

    /// <summary>Fails if a block is out or if something forbidden was done to one.</summary>
    public void AssertAllReturned()
    {
        Assert.Equal(0, Rented);
        AssertNoViolation();
    }

    public void AssertNoViolation()
    {
        while (_quarantine.TryDequeue(out byte[]? array))
        {
            CheckPoison(array);
        }

        Assert.Empty(_violations);
    }

    private Block Rent()
    {
        byte[]? array = null;
        if (_quarantine.Count > QuarantineLength && _quarantine.TryDequeue(out array))
        {
            CheckPoison(array);
        }

        Interlocked.Increment(ref _rented);
        return new Block(this, array ?? new byte[BlockSize]);
    }

    private void Return(byte[] array)
    {
        array.AsSpan().Fill(Poison);
        _quarantine.Enqueue(array);
        Interlocked.Decrement(ref _rented);
    }

    private void Report(string violation) => _violations.Enqueue($"{violation}\n{Environment.StackTrace}");

    private void CheckPoison(byte[] array)
    {
        int index = array.AsSpan().IndexOfAnyExcept(Poison);
        if (index >= 0)
        {
            Report($"Byte {index} of a block was written after the block's return.");
        }
    }

    private sealed class Pool(CheckingPool owner) : MemoryPool<byte>
    {
        public override int MaxBufferSize => BlockSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
            return owner.Rent();
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Block(CheckingPool owner, byte[] array) : MemoryManager<byte>
    {
        private int _returned;

        public override Span<byte> GetSpan()
        {
            CheckUse();
            return array;
        }

        public override MemoryHandle Pin(int elementIndex = 0)
        {
            CheckUse();
            return array.AsMemory(elementIndex).Pin();
        }

        public override void Unpin()
        {
        }

        protected override bool TryGetArray(out ArraySegment<byte> segment)
        {
            segment = array;
            return true;
        }

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _returned, 1) != 0)
            {
                owner.Report("A block was returned twice.");
                return;
            }

            owner.Return(array);
        }

        private void CheckUse()
        {
            if (Volatile.Read(ref _returned) != 0)
            {
                owner.Report("A block was used after its return.");
            }
        }
    }
}
