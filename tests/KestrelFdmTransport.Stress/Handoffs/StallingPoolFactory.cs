using System;
using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Pools that have loops taken over while blocks are fetched and given back.</summary>
internal sealed class StallingPoolFactory(CheckingMemoryPoolFactory inner) : IMemoryPoolFactory<byte>
{
    private const int OneIn = 20;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool(inner.Create(options));

    private sealed class Pool(MemoryPool<byte> inner) : MemoryPool<byte>
    {
        public override int MaxBufferSize => inner.MaxBufferSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            StallInjection.Run(OneIn);
            return new Block(inner.Rent(minBufferSize));
        }

        protected override void Dispose(bool disposing) => inner.Dispose();
    }

    private sealed class Block(IMemoryOwner<byte> inner) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory => inner.Memory;

        public void Dispose()
        {
            StallInjection.Run(OneIn);
            inner.Dispose();
        }
    }
}
