using System;
using System.Buffers;
using System.Threading;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// Pools whose every call may throw. A block that is given back counts as back, and a pool that is disposed as gone,
/// although the call throws.
/// </summary>
internal sealed class FaultyPools(FaultPlan plan) : IMemoryPoolFactory<byte>
{
    private readonly CheckingMemoryPoolFactory _blocks = new();
    private int _alive;

    /// <summary>Blocks that are out.</summary>
    public int Rented => _blocks.Rented;

    /// <summary>Pools that nothing has disposed.</summary>
    public int Alive => Volatile.Read(ref _alive);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
    {
        if (plan.IsPaused)
        {
            // That of the bystanders.
            return _blocks.Create(options);
        }

        plan.Reach("pools.Create");
        Interlocked.Increment(ref _alive);
        return new Pool(this, _blocks.Create(options), plan);
    }

    public void AssertNoViolation() => _blocks.AssertNoViolation();

    private sealed class Pool(FaultyPools owner, MemoryPool<byte> blocks, FaultPlan plan) : MemoryPool<byte>
    {
        private int _disposed;

        public override int MaxBufferSize
        {
            get
            {
                plan.Reach("pool.MaxBufferSize");
                return blocks.MaxBufferSize;
            }
        }

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            plan.Reach("pool.Rent");
            return new Block(blocks.Rent(minBufferSize), plan);
        }

        protected override void Dispose(bool disposing)
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref owner._alive);
                plan.Reach("pool.Dispose");
            }
        }
    }

    private sealed class Block(IMemoryOwner<byte> block, FaultPlan plan) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory
        {
            get
            {
                plan.Reach("block.Memory");
                return block.Memory;
            }
        }

        public void Dispose()
        {
            block.Dispose();
            plan.Reach("block.Dispose");
        }
    }
}
