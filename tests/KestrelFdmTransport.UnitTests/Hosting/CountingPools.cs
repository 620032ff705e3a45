using System.Buffers;
using System.Threading;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Counts the pools that were asked for.</summary>
internal sealed class CountingPools : IMemoryPoolFactory<byte>
{
    private int _created;

    public int Created => _created;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
    {
        Interlocked.Increment(ref _created);
        return MemoryPool<byte>.Shared;
    }
}
