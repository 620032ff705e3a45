using System;
using System.Collections.Concurrent;
using System.Threading;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>The threads for callbacks that block.</summary>
public sealed class BlockingThreadPoolTests
{
    private readonly BlockingThreadPool _lane = new(
        limit: 4,
        new ThreadHeadroom(static () => 1, static _ => int.MaxValue, TimeProvider.System),
        NullLogger.Instance);

    [Fact]
    public void A_thread_that_is_interrupted_while_it_is_idle_takes_the_next_work()
    {
        Thread first = RunOne();
        Eventually.Until(() => first.ThreadState.HasFlag(ThreadState.WaitSleepJoin), "the thread to be idle");
        first.Interrupt();

        // The interrupt is gone once the thread waits again.
        Eventually.Until(
            () => first.ThreadState.HasFlag(ThreadState.WaitSleepJoin) && ReferenceEquals(RunOne(), first),
            "the thread to take work again");
        Assert.Equal(1, _lane.Threads);
        _lane.Stop();
    }

    [Fact]
    public void Idle_threads_end_with_the_loops()
    {
        Thread thread = RunOne();
        _lane.Stop();
        Assert.True(thread.Join(Eventually.Limit));
        Assert.Equal(0, _lane.Threads);
    }

    [Fact]
    public void A_thread_that_is_busy_when_the_loops_stop_ends_afterwards()
    {
        using var released = new ManualResetEventSlim();
        var threads = new BlockingCollection<Thread>();
        Assert.True(_lane.TryQueue(new WorkItem(() =>
        {
            threads.Add(Thread.CurrentThread);
            released.Within("the test to go on");
        })));
        Thread thread = threads.Take();
        _lane.Stop();
        released.Set();
        Assert.True(thread.Join(Eventually.Limit));
    }

    [Fact]
    public void Loops_that_start_again_have_their_lane_again()
    {
        _lane.Stop();
        Assert.False(_lane.TryQueue(new WorkItem(static () => { })));
        _lane.Restart();
        RunOne();
        _lane.Stop();
    }

    private Thread RunOne()
    {
        using var threads = new BlockingCollection<Thread>();
        Assert.True(_lane.TryQueue(new WorkItem(() => threads.Add(Thread.CurrentThread))));
        Assert.True(threads.TryTake(out Thread? thread, Eventually.Limit));
        return thread;
    }
}
