using System;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Buffers;

[Collection(NonParallel.Name)]
public sealed class EndpointBuffersFaultTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();
    private ConnectionBuffers _buffers;

    public void Dispose()
    {
        _loops.Dispose();
        _pool.AssertAllReturned();
    }

    /// <summary>The end of a connection comes after it, and the blocks behind this one.</summary>
    [Fact]
    public void A_block_is_given_back_although_the_thread_has_no_memory_for_a_place_to_keep_it()
    {
        _buffers = new ConnectionBuffers(new EndpointBuffers(_pool.Create(), NullLogger.Instance));
        BufferSegment first = _buffers.Rent(_loops.Loop, 0);
        BufferSegment second = _buffers.Rent(_loops.Loop, 0);
        using AtFaultPoint outOfMemory = AtFaultPoint.OutOfMemory(FaultPoint.BufferCacheMade, 1);

        _loops.Run(() =>
        {
            _buffers.Return(_loops.Loop, first);
            Assert.Equal((1, 1), (outOfMemory.Reached, _pool.Rented));
            _buffers.Return(_loops.Loop, second);
        });
    }
}
