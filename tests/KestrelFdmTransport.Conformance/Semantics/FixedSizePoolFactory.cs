using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Threading;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>A pool of blocks of any size, as strict as Kestrel's, that counts and can be made to fail.</summary>
internal sealed class FixedSizePoolFactory(int blockSize, int maxBufferSize) : IMemoryPoolFactory<byte>
{
    private int _rented;
    private int _failing;

    public ConcurrentQueue<string?> Owners { get; } = [];

    public int Rented => Volatile.Read(ref _rented);

    public int Pools => Owners.Count;

    public int DisposedPools { get; private set; }

    /// <summary>From now on no pool has memory.</summary>
    public bool Fails
    {
        get => Volatile.Read(ref _failing) != 0;
        set => Volatile.Write(ref _failing, value ? 1 : 0);
    }

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
    {
        Owners.Enqueue(options?.Owner);
        return new Pool(this);
    }

    private sealed class Pool(FixedSizePoolFactory owner) : MemoryPool<byte>
    {
        private int _disposed;

        public override int MaxBufferSize => owner.MaxBufferSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, MaxBufferSize);
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            if (owner.Fails)
            {
                throw new InvalidOperationException("The pool has no memory.");
            }

            Interlocked.Increment(ref owner._rented);
            return new Block(owner, new byte[Math.Max(owner.BlockSize, minBufferSize)]);
        }

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                lock (owner.Owners)
                {
                    owner.DisposedPools++;
                }
            }
        }
    }

    private int BlockSize { get; } = blockSize;

    private int MaxBufferSize { get; } = maxBufferSize;

    private sealed class Block(FixedSizePoolFactory owner, byte[] array) : IMemoryOwner<byte>
    {
        private int _returned;

        public Memory<byte> Memory
            => Volatile.Read(ref _returned) == 0 ? array : throw new ObjectDisposedException(nameof(Block));

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _returned, 1) == 0)
            {
                array.AsSpan().Fill(0xDB);
                Interlocked.Decrement(ref owner._rented);
            }
        }
    }
}
