using System;
using System.Buffers;
using System.Collections.Generic;

namespace KestrelFdmTransport.MicroBenchmarks.Support;

/// <summary>
/// Blocks of 4096 bytes, as from Kestrel's pool, for one thread: what costs next to nothing hides nothing.
/// </summary>
internal sealed class BlockPool : MemoryPool<byte>
{
    private readonly Stack<Block> _free = new();

    public override int MaxBufferSize => 4096;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        => _free.TryPop(out Block? block) ? block : new Block(this);

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Block(BlockPool pool) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(4096, pinned: true);

        public void Dispose() => pool._free.Push(this);
    }
}
