using System;
using System.Diagnostics;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

public sealed class ThreadPoolBacklogTests
{
    [Fact]
    public void A_loop_does_not_rest_while_a_CPU_may_run_out_of_work()
    {
        var backlog = new ThreadPoolBacklog();
        for (int i = 0; i < 15 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
            Assert.Equal(0, Rest(backlog));
        }
    }

    [Fact]
    public void A_loop_sleeps_longer_behind_more_callbacks_up_to_two_milliseconds()
    {
        var backlog = new ThreadPoolBacklog();
        int rest = 0;
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
            Assert.InRange(Rest(backlog), rest, 2_000);
            rest = Rest(backlog);
        }

        Assert.Equal(2_000, rest);
    }

    [Fact]
    public void A_loop_sleeps_behind_fewer_callbacks_the_longer_they_take()
    {
        var backlog = new ThreadPoolBacklog();
        for (int i = 0; i < 4 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        Assert.Equal(0, Rest(backlog));
        for (int i = 0; i < 100; i++)
        {
            backlog.OnCompleted(Stopwatch.Frequency / 2_000);
        }

        Assert.InRange(Rest(backlog), 900, 1_000);
    }

    [Fact]
    public void A_callback_that_took_very_long_counts_as_one_of_a_millisecond_because_it_may_have_waited()
    {
        var backlog = new ThreadPoolBacklog();
        for (int i = 0; i < Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        for (int i = 0; i < 1_000; i++)
        {
            backlog.OnCompleted(3600 * Stopwatch.Frequency);
        }

        Assert.InRange(Rest(backlog), 400, 500);
    }

    [Fact]
    public void What_has_begun_does_not_count()
    {
        var backlog = new ThreadPoolBacklog();
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.OnStarted();
        }

        Assert.Equal(0, Rest(backlog));
    }

    [Fact]
    public void A_loop_does_not_rest_again_while_none_begins()
    {
        var backlog = new ThreadPoolBacklog();
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        int begun = 0;
        backlog.OnStarted();
        Assert.NotEqual(0, backlog.SuggestedSleep(ref begun));
        Assert.Equal(0, backlog.SuggestedSleep(ref begun));
        backlog.OnStarted();
        Assert.NotEqual(0, backlog.SuggestedSleep(ref begun));
    }

    /// <summary>As a loop asks that has seen others begin.</summary>
    private static int Rest(ThreadPoolBacklog backlog)
    {
        int begun = -1;
        return backlog.SuggestedSleep(ref begun);
    }
}
