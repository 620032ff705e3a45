using System;
using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>A loop that is held by a callback or a long iteration counts as stuck.</summary>
public sealed class HeldLoopTests : IDisposable
{
    private readonly LoopFixture _loops = new(2);

    public HeldLoopTests() => LoopFixture.AwaitIdle(_loops.Loops);

    private EventLoop First => _loops.Loops[0];

    private EventLoop Second => _loops.Loops[1];

    public void Dispose() => _loops.Dispose();

    [Fact]
    public void Connections_that_the_process_opens_do_not_live_on_a_loop_that_is_held()
    {
        Open(Second, 1000);
        using (new HeldLoop(First))
        {
            Assert.Same(Second, EventLoopGroup.SelectForOutgoing(_loops.Loops));
        }

        Assert.Same(First, EventLoopGroup.SelectForOutgoing(_loops.Loops));
    }

    [Fact]
    public void With_every_loop_held_an_outgoing_connection_goes_to_the_one_with_fewest()
    {
        Open(First, 1000);
        using var first = new HeldLoop(First);
        using var second = new HeldLoop(Second);

        Assert.Same(Second, EventLoopGroup.SelectForOutgoing(_loops.Loops));
    }

    [Fact]
    public void The_figures_call_a_loop_busy_that_is_held_and_idle_that_sleeps()
    {
        long later = Stopwatch.GetTimestamp() + (2 * Stopwatch.Frequency);
        using (new HeldLoop(Second))
        {
            Assert.Equal(LoopUtilization.Scale, Second.Utilization.Utilization(later));
        }

        Assert.Equal(0, Second.Utilization.Utilization(later));
    }

    private static void Open(EventLoop loop, int connections)
    {
        for (int i = 0; i < connections; i++)
        {
            loop.OnConnectionOpened();
        }
    }
}
