using System;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

[Collection(NonParallel.Name)]
public sealed class EndpointBuffersFaultTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingPool _pool = new();
    private SpareSegments _spares;

    public void Dispose()
    {
        _loops.Dispose();
        _pool.AssertAllReturned();
    }

    /// <summary>The end of a connection comes after it, and the blocks behind this one.</summary>
    [Fact]
    public void A_block_is_given_back_although_the_thread_has_no_memory_for_a_place_to_keep_it()
    {
        var cache = new EndpointBuffers(_pool.Create(), _loops.Loop);
        BufferSegment first = cache.Rent(ref _spares, 0);
        BufferSegment second = cache.Rent(ref _spares, 0);
        using AtFaultPoint outOfMemory = AtFaultPoint.OutOfMemory(FaultPoint.BufferCacheMade, 1);

        _loops.Run(() =>
        {
            cache.Return(ref _spares, first);
            Assert.Equal((1, 1), (outOfMemory.Reached, _pool.Rented));
            cache.Return(ref _spares, second);
        });
    }
}
