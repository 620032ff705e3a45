using System;
using System.Threading;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>The last threads of a process are not ours to take.</summary>
public sealed class ThreadHeadroomTests
{
    private readonly ManualTime _time = new();
    private readonly ThreadHeadroom _headroom;
    private int _threads = 20;
    private int _limit = int.MaxValue;

    public ThreadHeadroomTests() => _headroom = new ThreadHeadroom(() => _threads, threads => _limit - threads, _time);

    [Fact]
    public void Threads_are_started_until_the_reserve_is_left()
    {
        _limit = _threads + ThreadHeadroom.Reserved + 3;
        Assert.Equal(3, Take());
        Assert.False(_headroom.IsShort);
    }

    [Fact]
    public void What_others_take_of_the_reserve_ours_give_back()
    {
        _limit = _threads + ThreadHeadroom.Reserved;
        Assert.False(_headroom.IsShort);
        _threads++;
        Later();
        Assert.True(_headroom.IsShort);
        _threads--;
        Later();
        Assert.False(_headroom.IsShort);
    }

    [Fact]
    public void Without_a_limit_there_is_always_room()
    {
        for (int i = 0; i < 10_000; i++)
        {
            Assert.True(_headroom.TryTake());
        }
    }

    [Fact]
    public void A_start_that_fails_teaches_a_limit_that_cannot_be_seen()
    {
        _headroom.OnFailed();
        Assert.Equal(0, Take());
        Assert.True(_headroom.IsShort);

        // Ours have ended, and as many as before may be had, less the reserve.
        _threads -= ThreadHeadroom.Reserved + 2;
        Later();
        Assert.False(_headroom.IsShort);
        Assert.Equal(2, Take());
    }

    [Fact]
    public void What_a_failed_start_has_taught_is_forgotten_in_time()
    {
        _headroom.OnFailed();
        _time.Pass(TimeSpan.FromMinutes(1));
        Assert.True(_headroom.TryTake());
    }

    [Fact]
    public void The_lane_and_the_standbys_start_nothing_without_room()
    {
        _limit = _threads;
        var lane = new BlockingThreadPool(limit: 10, _headroom, NullLogger.Instance);
        Assert.False(lane.TryQueue(new WorkItem(static () => { })));
        Assert.Equal(0, lane.Threads);
    }

    [Fact]
    public void Idle_threads_of_the_lane_end_when_room_is_short()
    {
        var lane = new BlockingThreadPool(limit: 10, _headroom, NullLogger.Instance);
        using var leave = new ManualResetEventSlim();
        Assert.True(lane.TryQueue(new WorkItem(() => leave.Within("the test to go on"))));
        Assert.Equal(1, lane.Threads);
        _limit = _threads;
        Later();
        leave.Set();
        Eventually.Until(() => lane.Threads == 0, "the end of the thread");
    }

    private int Take()
    {
        int taken = 0;
        while (_headroom.TryTake())
        {
            taken++;
        }

        return taken;
    }

    private void Later() => _time.Pass(TimeSpan.FromSeconds(1));
}
