using System;
using System.Buffers;
using System.Collections.Concurrent;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>What a loop does with the sources that are registered with it.</summary>
public sealed class EventLoopSourceTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly SocketPair _pair = new();
    private readonly BlockingCollection<string> _seen = [];

    private EventLoop Loop => _loops.Loop;

    public void Dispose()
    {
        _loops.Dispose();
        _pair.Dispose();
        _seen.Dispose();
    }

    [Fact]
    public void A_registered_source_is_served_what_the_kernel_reports()
    {
        var source = new ProbeSource { Loop = Loop, OnServe = events => _seen.Add($"{events:x}") };
        Register(source);
        Assert.Equal($"{EpollFlags.Out:x}", Next());

        Sys.Send(_pair.Far.Value, [1]);
        Assert.Equal($"{EpollFlags.Out | EpollFlags.In:x}", Next());

        Unregister(source);
    }

    [Fact]
    public void A_source_that_is_gone_is_not_served_any_more()
    {
        var source = new ProbeSource { Loop = Loop, OnServe = _ => _seen.Add("served") };
        Register(source);
        Next();

        Unregister(source);
        Sys.Send(_pair.Far.Value, [1]);
        RunTwoIterations();

        Assert.Empty(_seen);
    }

    [Fact]
    public void An_event_for_the_former_tenant_of_a_slot_does_not_reach_the_new_one()
    {
        using var other = new SocketPair();
        var former = new ProbeSource { Loop = Loop, OnServe = _ => _seen.Add("former") };
        var tenant = new ProbeSource { Loop = Loop, OnServe = _ => _seen.Add("tenant") };
        Register(former);
        Assert.Equal("former", Next());

        _loops.Run(() =>
        {
            Loop.Deregister(former);
            Assert.Equal(0, Loop.Register(tenant, other.Near.Value, EpollFlags.Connection));
            Assert.Equal((uint)former.Token, (uint)tenant.Token);
        });
        Assert.Equal("tenant", Next());
        Sys.Send(_pair.Far.Value, [1]);
        RunTwoIterations();

        Assert.Empty(_seen);
        Unregister(tenant);
    }

    [Fact]
    public void A_descriptor_that_cannot_be_watched_leaves_nothing_registered()
    {
        var source = new ProbeSource { Loop = Loop };

        _loops.Run(() => Assert.Equal(-Errno.EBADF, Loop.Register(source, -1, EpollFlags.Connection)));

        // Nothing is left: the next source has the same slot, and the loop ends with no source to stop.
        var next = new ProbeSource { Loop = Loop };
        Register(next);
        Assert.Equal((uint)source.Token, (uint)next.Token);
        Assert.NotEqual(source.Token, next.Token);
        Unregister(next);
    }

    [Fact]
    public void A_source_that_asks_for_more_is_served_again_without_an_event()
    {
        int served = 0;
        ProbeSource? source = null;
        source = new ProbeSource
        {
            Loop = Loop,
            OnServe = events =>
            {
                _seen.Add($"{events:x}");
                if (++served < 3)
                {
                    Loop.Requeue(source!);
                }
            },
        };
        Register(source);

        Assert.Equal([$"{EpollFlags.Out:x}", "0", "0"], [Next(), Next(), Next()]);
        RunTwoIterations();
        Assert.Empty(_seen);
        Unregister(source);
    }

    [Fact]
    public void A_source_that_throws_fails_and_the_loop_goes_on()
    {
        var source = new ProbeSource
        {
            Loop = Loop,
            OnServe = _ => throw new InvalidOperationException("from Serve"),
            OnCommanded = _ => throw new InvalidOperationException("from OnMail"),
            OnFailed = exception => _seen.Add(exception.Message),
        };
        Register(source);
        Assert.Equal("from Serve", Next());

        source.Post(LoopCommand.Resume);
        Assert.Equal("from OnMail", Next());

        Unregister(source);
    }

    [Fact]
    public void A_source_is_closed_after_the_turn_and_not_within_it()
    {
        ProbeSource? source = null;
        source = new ProbeSource
        {
            Loop = Loop,
            OnCommanded = _ =>
            {
                Loop.CloseAtEndOfIteration(source!);
                Assert.Equal(0, source!.Closed);
                _seen.Add("mail");
            },
            OnClosing = () => _seen.Add("closed"),
        };

        source.Post(LoopCommand.Resume);

        Assert.Equal(["mail", "closed"], [Next(), Next()]);
    }

    [Fact]
    public void A_waiting_source_is_resumed_when_its_time_has_come()
    {
        var late = new ProbeSource { Loop = Loop, OnCommanded = command => _seen.Add($"late {command}") };
        var early = new ProbeSource { Loop = Loop, OnCommanded = command => _seen.Add($"early {command}") };

        _loops.Run(() =>
        {
            Loop.SetTimer(late, TimeSpan.FromMilliseconds(30));
            Loop.SetTimer(early, TimeSpan.FromMilliseconds(1));
        });

        Assert.Equal(["early Resume", "late Resume"], [Next(), Next()]);
    }

    public static TheoryData<TimeSpan> Extremes { get; } = [TimeSpan.MinValue, TimeSpan.Zero, TimeSpan.FromTicks(1)];

    [Theory, MemberData(nameof(Extremes))]
    public void A_source_that_wants_to_be_resumed_again_and_again_at_once_leaves_the_loop_to_others(TimeSpan delay)
    {
        bool over = false;
        ProbeSource? source = null;
        source = new ProbeSource
        {
            Loop = Loop,
            OnStop = _ => { },
            OnCommanded = _ =>
            {
                if (!over)
                {
                    Loop.SetTimer(source!, delay);
                }
            },
        };
        source.Post(LoopCommand.Resume);

        RunTwoIterations();
        _loops.Run(() => over = true);
    }

    [Fact]
    public void A_time_that_no_clock_reaches_never_comes_and_delays_no_source()
    {
        var never =
            new ProbeSource { Loop = Loop, OnCommanded = command => _seen.Add($"never {command}"), OnStop = _ => { } };
        var soon = new ProbeSource { Loop = Loop, OnCommanded = command => _seen.Add($"soon {command}") };

        _loops.Run(() =>
        {
            Loop.SetTimer(never, TimeSpan.MaxValue);
            Loop.SetTimer(soon, TimeSpan.FromMilliseconds(1));
        });

        Assert.Equal("soon Resume", Next());
        RunTwoIterations();
        Assert.Empty(_seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_source_that_only_waits_for_its_time_is_stopped_with_the_loop(bool fails)
    {
        var waiting = new ProbeSource { Loop = Loop, OnStop = _ => _seen.Add("stopped") };
        _loops.Run(() => Loop.SetTimer(waiting, TimeSpan.FromHours(1)));

        if (fails)
        {
            LoopFixture.Fail(Loop);
        }
        else
        {
            Loop.RequestStop();
        }

        Assert.Equal("stopped", Next());
    }

    [Fact]
    public void Blocks_beyond_two_go_back_before_the_loop_sleeps()
    {
        _loops.Run(() => KeepBlocks(3));

        Assert.Equal("returned", Next());
        RunTwoIterations();
        Assert.Empty(_seen);
    }

    [Fact]
    public void A_thread_that_serves_no_loop_has_no_cache()
        => TestThreads.Run(() => Assert.Null(LoopThread.CacheFor(Loop, out _)));

    [Fact]
    public void All_blocks_go_back_before_sources_are_closed()
    {
        var source = new ProbeSource { Loop = Loop, OnClosing = () => _seen.Add("closed") };
        _loops.Run(() =>
        {
            Loop.CloseAtEndOfIteration(source);
            KeepBlocks(1);
        });

        Assert.Equal(["returned", "closed"], [Next(), Next()]);
    }

    [Fact]
    public void A_loop_counts_what_it_does()
    {
        var source = new ProbeSource { Loop = Loop, OnServe = _ => _seen.Add("served") };
        Register(source);
        Next();
        Sys.Send(_pair.Far.Value, [1]);
        Next();
        _loops.Run(() =>
        {
            Assert.Equal(2, Loop.Sets.Hot.Dispatched + Loop.Sets.Warm.Dispatched + Loop.Sets.Cold.Dispatched);
            Assert.True(Loop.Counters.Events >= 2);
            Assert.True(Loop.Counters.EpollWaits >= Loop.Sets.Iterations);
        });
        Unregister(source);
    }

    private string Next()
    {
        Assert.True(_seen.TryTake(out string? what, Eventually.Limit), "Nothing came.");
        return what;
    }

    /// <summary>After two commands there was a poll in between.</summary>
    private void RunTwoIterations()
    {
        _loops.Run(() => { });
        _loops.Run(() => { });
    }

    private void Register(ProbeSource source)
        => _loops.Run(() => Assert.Equal(0, Loop.Register(source, _pair.Near.Value, EpollFlags.Connection)));

    private void Unregister(ProbeSource source) => _loops.Run(() => Loop.Deregister(source));

    /// <summary>Puts blocks into the cache of the loop's thread.</summary>
    private void KeepBlocks(int count)
    {
        BufferCache? cache = LoopThread.CacheFor(Loop, out bool isOwner);
        Assert.True(isOwner);
        var buffers = new EndpointBuffers(MemoryPool<byte>.Shared, NullLogger.Instance);
        for (int i = 0; i < count; i++)
        {
            var block = new CachedBlock(new NotedBlock(_seen), default);
            Assert.True(cache!.TryReturn(buffers, block, isOwner));
        }
    }

    /// <summary>A block that says when it is given back.</summary>
    private sealed class NotedBlock(BlockingCollection<string> seen) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory => default;

        public void Dispose() => seen.Add("returned");
    }
}
