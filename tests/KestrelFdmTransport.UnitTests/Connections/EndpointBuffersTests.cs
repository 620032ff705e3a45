using System;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class EndpointBuffersTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingPool _pool = new();
    private readonly EndpointBuffers _cache;
    private SpareSegments _spares;

    public EndpointBuffersTests() => _cache = new EndpointBuffers(_pool.Create(), _loops.Loop);

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
        BufferSegment segment = _cache.Rent(ref _spares, sizeHint);

        Assert.Equal((4096, 1), (segment.Block.Length, _pool.Rented));
        _cache.Return(ref _spares, segment);
    }

    [Fact]
    public void What_is_larger_than_the_pools_blocks_comes_from_elsewhere()
    {
        BufferSegment segment = _cache.Rent(ref _spares, 4097);

        Assert.True(segment.Block.Length >= 4097);
        Assert.Equal(0, _pool.Rented);
        _cache.Return(ref _spares, segment);
    }

    [Fact]
    public void A_segment_without_a_block_returns_nothing()
    {
        BufferSegment segment = _cache.Rent(ref _spares, 0);
        _cache.ReturnBlock(segment);
        _cache.Return(ref _spares, segment);

        Assert.Equal(0, _pool.Rented);
    }

    [Fact]
    public void On_another_thread_the_block_goes_to_the_pool_and_the_segment_waits_for_its_next_use()
    {
        BufferSegment segment = _cache.Rent(ref _spares, 0);
        _cache.Return(ref _spares, segment);

        Assert.Equal(0, _pool.Rented);
        Assert.Same(segment, _cache.Rent(ref _spares, 0));
        _cache.Return(ref _spares, segment);
    }

    [Fact]
    public void The_loop_rents_the_block_that_was_returned_last_and_keeps_two_while_it_sleeps()
    {
        _loops.Run(() =>
        {
            BufferSegment first = _cache.Rent(ref _spares, 0);
            BufferSegment second = _cache.Rent(ref _spares, 0);
            Memory<byte> block = second.Block;
            _cache.Return(ref _spares, first);
            _cache.Return(ref _spares, second);
            Assert.Equal(2, _pool.Rented);

            BufferSegment third = _cache.Rent(ref _spares, 0);
            Assert.Equal(block, third.Block);
            Assert.Equal(2, _pool.Rented);
            BufferSegment[] more = [_cache.Rent(ref _spares, 0), _cache.Rent(ref _spares, 0)];
            Assert.Equal(3, _pool.Rented);
            _cache.Return(ref _spares, third);
            _cache.Return(ref _spares, more[0]);
            _cache.Return(ref _spares, more[1]);
        });
        _loops.Run(() => Assert.Equal(2, _pool.Rented));
    }

    [Fact]
    public void A_callback_of_the_loop_hoards_sixteen_blocks_at_most()
    {
        int rented = -1;
        using var pair = new SocketPair();
        using var told = new ManualResetEventSlim();
        var source = new ProbeSource
        {
            Loop = _loops.Loop,
            OnCallbacks = () =>
            {
                var segments = new BufferSegment[40];
                for (int i = 0; i < segments.Length; i++)
                {
                    segments[i] = _cache.Rent(ref _spares, 0);
                }

                foreach (BufferSegment segment in segments)
                {
                    _cache.Return(ref _spares, segment);
                }

                rented = _pool.Rented;
                told.Set();
            },
        };
        _loops.Run(() => Assert.Equal(0, _loops.Loop.Register(source, pair.Near.Value, EpollFlags.Connection)));
        told.Within("the callback");
        _loops.Run(() => _loops.Loop.Deregister(source));
        Assert.Equal(16, rented);
        _loops.Run(() => { });
    }

    [Fact]
    public void What_comes_back_while_sources_are_closed_goes_to_the_pool_at_once()
    {
        BufferSegment segment = _cache.Rent(ref _spares, 0);
        int rented = -1;
        var source = new ProbeSource
        {
            Loop = _loops.Loop,
            OnCloseCallbacks = () =>
            {
                _cache.Return(ref _spares, segment);
                rented = _pool.Rented;
            },
        };

        _loops.Run(() => _loops.Loop.CloseAtEndOfIteration(source));
        _loops.Run(() => Assert.Equal(0, rented));
    }
}
