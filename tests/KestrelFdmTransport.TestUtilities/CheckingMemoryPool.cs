using System;
using System.Buffers;
using System.Threading;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>As strict as Kestrel's own pool: blocks of one size, none after disposal; a late return is fine.</summary>
public sealed class CheckingMemoryPool(CheckingMemoryPoolFactory factory) : MemoryPool<byte>
{
    private int _disposed;

    public override int MaxBufferSize => CheckingMemoryPoolFactory.BlockSize;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, MaxBufferSize);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        return factory.Rent();
    }

    protected override void Dispose(bool disposing) => Volatile.Write(ref _disposed, 1);
}
