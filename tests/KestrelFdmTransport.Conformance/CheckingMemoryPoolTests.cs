using System;
using System.Buffers;
using System.Threading.Tasks;
using Xunit;
using Xunit.Sdk;

namespace KestrelFdmTransport.Conformance;

/// <summary>Every other case trusts the pool to find these faults.</summary>
public sealed class CheckingMemoryPoolTests
{
    private readonly CheckingMemoryPoolFactory _factory = new();

    [Fact]
    public async Task A_faultless_use_passes()
    {
        using MemoryPool<byte> pool = _factory.Create();
        using (IMemoryOwner<byte> block = pool.Rent())
        {
            using MemoryHandle pin = block.Memory.Pin();
            block.Memory.Span.Clear();
        }

        await _factory.VerifyAsync();
    }

    [Fact]
    public async Task A_second_return_is_found()
    {
        using MemoryPool<byte> pool = _factory.Create();
        IMemoryOwner<byte> block = pool.Rent();
        block.Dispose();
        block.Dispose();

        await Assert.ThrowsAsync<EmptyException>(_factory.VerifyAsync);
    }

    [Fact]
    public async Task A_read_after_the_return_is_found()
    {
        using MemoryPool<byte> pool = _factory.Create();
        IMemoryOwner<byte> block = pool.Rent();
        Memory<byte> memory = block.Memory;
        block.Dispose();

        Assert.Throws<ObjectDisposedException>(() => memory.Span[0]);
        await Assert.ThrowsAsync<EmptyException>(_factory.VerifyAsync);
    }

    [Fact]
    public async Task A_write_through_a_kept_span_is_found()
    {
        using MemoryPool<byte> pool = _factory.Create();
        WriteAfterReturn(pool);

        await Assert.ThrowsAsync<EmptyException>(_factory.VerifyAsync);

        static void WriteAfterReturn(MemoryPool<byte> pool)
        {
            IMemoryOwner<byte> block = pool.Rent();
            Span<byte> span = block.Memory.Span;
            block.Dispose();
            span[7] = 1;
        }
    }

    [Fact]
    public async Task A_return_under_a_pin_is_found()
    {
        using MemoryPool<byte> pool = _factory.Create();
        IMemoryOwner<byte> block = pool.Rent();
        using (block.Memory.Pin())
        {
            block.Dispose();
        }

        await Assert.ThrowsAsync<EmptyException>(_factory.VerifyAsync);
    }

    [Fact]
    public void A_rent_from_a_disposed_pool_throws()
    {
        MemoryPool<byte> pool = _factory.Create();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
    }
}
