using System;
using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class DispatchBacklogTests
{
    [Fact]
    public void A_loop_does_not_rest_while_a_CPU_may_run_out_of_work()
    {
        var backlog = new DispatchBacklog();
        for (int i = 0; i < 15 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
            Assert.Equal(0, Rest(backlog));
        }
    }

    [Fact]
    public void A_loop_rests_longer_the_more_waits_and_never_longer_than_a_millisecond()
    {
        var backlog = new DispatchBacklog();
        int rest = 0;
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
            Assert.InRange(Rest(backlog), rest, 1_000);
            rest = Rest(backlog);
        }

        Assert.Equal(1_000, rest);
    }

    [Fact]
    public void What_has_begun_does_not_count()
    {
        var backlog = new DispatchBacklog();
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Begin();
        }

        Assert.Equal(0, Rest(backlog));
    }

    [Fact]
    public void A_loop_does_not_rest_again_while_none_begins()
    {
        var backlog = new DispatchBacklog();
        for (int i = 0; i < 100 * Environment.ProcessorCount; i++)
        {
            backlog.Add();
        }

        int begun = 0;
        backlog.Begin();
        Assert.NotEqual(0, backlog.Rest(ref begun));
        Assert.Equal(0, backlog.Rest(ref begun));
        backlog.Begin();
        Assert.NotEqual(0, backlog.Rest(ref begun));
    }

    /// <summary>As a loop asks that has seen others begin.</summary>
    private static int Rest(DispatchBacklog backlog)
    {
        int begun = -1;
        return backlog.Rest(ref begun);
    }
}
