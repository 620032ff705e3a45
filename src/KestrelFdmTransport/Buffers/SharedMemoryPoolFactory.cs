using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Buffers;

/// <summary>Returns <see cref="MemoryPool{T}.Shared"/>, which ignores its disposal.</summary>
internal sealed class SharedMemoryPoolFactory : IMemoryPoolFactory<byte>
{
    internal static readonly SharedMemoryPoolFactory Instance = new();

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => MemoryPool<byte>.Shared;
}
