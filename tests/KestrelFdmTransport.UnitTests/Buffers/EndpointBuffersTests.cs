using System;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Buffers;

public sealed class EndpointBuffersTests : IDisposable
{
    private readonly LoopFixture _loops = new(loops: 2);
    private readonly CheckingMemoryPoolFactory _pool = new();
    private ConnectionBuffers _buffers;

    public EndpointBuffersTests()
        => _buffers = new ConnectionBuffers(new EndpointBuffers(_pool.Create(), NullLogger.Instance));

    private EventLoop Loop => _loops.Loop;

    public void Dispose()
    {
        _loops.Dispose();
        _pool.AssertAllReturned();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    public void An_ordinary_block_comes_from_the_pool(int sizeHint)
    {
        BufferSegment segment = _buffers.Rent(Loop, sizeHint);

        Assert.Equal((4096, 1), (segment.Block.Length, _pool.Rented));
        _buffers.Return(Loop, segment);
    }

    [Fact]
    public void What_is_larger_than_the_pools_blocks_comes_from_elsewhere()
    {
        BufferSegment segment = _buffers.Rent(Loop, 4097);

        Assert.True(segment.Block.Length >= 4097);
        Assert.Equal(0, _pool.Rented);
        _buffers.Return(Loop, segment);
    }

    [Fact]
    public void A_segment_without_a_block_returns_nothing()
    {
        BufferSegment segment = _buffers.Rent(Loop, 0);
        _buffers.ReturnBlock(Loop, segment);
        _buffers.Return(Loop, segment);

        Assert.Equal(0, _pool.Rented);
    }

    [Fact]
    public void On_another_thread_the_block_goes_to_the_pool_and_the_segment_waits_for_its_next_use()
    {
        BufferSegment segment = _buffers.Rent(Loop, 0);
        _buffers.Return(Loop, segment);

        Assert.Equal(0, _pool.Rented);
        Assert.Same(segment, _buffers.Rent(Loop, 0));
        _buffers.Return(Loop, segment);
    }

    [Fact]
    public void A_callback_rents_the_block_that_was_returned_last_and_two_are_kept_while_the_loop_sleeps()
    {
        RunCallback(() =>
        {
            BufferSegment first = _buffers.Rent(Loop, 0);
            BufferSegment second = _buffers.Rent(Loop, 0);
            Memory<byte> block = second.Block;
            _buffers.Return(Loop, first);
            _buffers.Return(Loop, second);
            Assert.Equal(2, _pool.Rented);

            BufferSegment third = _buffers.Rent(Loop, 0);
            Assert.Equal(block, third.Block);
            Assert.Equal(2, _pool.Rented);
            BufferSegment[] more = [_buffers.Rent(Loop, 0), _buffers.Rent(Loop, 0)];
            Assert.Equal(3, _pool.Rented);
            _buffers.Return(Loop, third);
            _buffers.Return(Loop, more[0]);
            _buffers.Return(Loop, more[1]);
        });
        _loops.Run(() => Assert.Equal(2, _pool.Rented));
    }

    [Fact]
    public void The_owner_of_a_loop_gets_the_blocks_that_a_callback_has_fetched_and_no_others()
    {
        RunCallback(() => _buffers.Refill(Loop));

        _loops.Run(() =>
        {
            BufferSegment? first = _buffers.TryRent(Loop);
            Assert.NotNull(first);
            Assert.Null(_buffers.TryRent(Loop));
            _buffers.Return(Loop, first);
            Assert.Equal(1, _pool.Rented);
        });
    }

    [Fact]
    public void A_callback_keeps_sixteen_blocks_at_most()
    {
        int rented = -1;
        RunCallback(() =>
        {
            var segments = new BufferSegment[40];
            for (int i = 0; i < segments.Length; i++)
            {
                segments[i] = _buffers.Rent(Loop, 0);
            }

            foreach (BufferSegment segment in segments)
            {
                _buffers.Return(Loop, segment);
            }

            rented = _pool.Rented;
        });

        Assert.Equal(16, rented);
        _loops.Run(() => { });
    }

    /// <summary>Its loop would not find the block when the connection ends.</summary>
    [Fact]
    public void A_callback_gives_the_block_of_another_loops_connection_to_the_pool()
    {
        BufferSegment segment = _buffers.Rent(_loops.Loops[1], 0);

        RunCallback(() =>
        {
            _buffers.Return(_loops.Loops[1], segment);
            Assert.Equal(0, _pool.Rented);
        });
    }

    [Fact]
    public void What_comes_back_while_sources_are_closed_goes_to_the_pool_at_once()
    {
        BufferSegment segment = _buffers.Rent(Loop, 0);
        int rented = -1;
        var source = new ProbeSource
        {
            Loop = Loop,
            OnCloseCallbacks = () =>
            {
                _buffers.Return(Loop, segment);
                rented = _pool.Rented;
            },
        };

        _loops.Run(() => Loop.CloseAtEndOfIteration(source));
        _loops.Run(() => Assert.Equal(0, rented));
    }

    private void RunCallback(Action action)
    {
        Exception? failure = null;
        using var pair = new SocketPair();
        using var told = new ManualResetEventSlim();
        var source = new ProbeSource
        {
            Loop = Loop,
            OnCallbacks = () =>
            {
                action();
                told.Set();
            },
            OnFailed = exception =>
            {
                failure = exception;
                told.Set();
            },
        };
        _loops.Run(() => Assert.Equal(0, Loop.Register(source, pair.Near.Value, EpollFlags.Connection)));
        told.Within("the callback");
        _loops.Run(() => Loop.Deregister(source));
        Assert.Null(failure);
    }
}
