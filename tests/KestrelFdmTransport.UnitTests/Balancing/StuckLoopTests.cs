using System;
using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>
/// A loop that is held by a callback or a long turn looks idle by all that it has measured, and is not.
/// </summary>
public sealed class StuckLoopTests : IDisposable
{
    private static readonly long s_second = Stopwatch.Frequency;

    private readonly LoopFixture _loops = new(2);
    private readonly EventLoop _first;
    private readonly EventLoop _second;
    private long _now = Stopwatch.GetTimestamp() + (10 * Stopwatch.Frequency);

    public StuckLoopTests()
    {
        (_first, _second) = (_loops.Loops[0], _loops.Loops[1]);
        LoopFixture.AwaitIdle(_loops.Loops);
    }

    public void Dispose() => _loops.Dispose();

    [Fact]
    public void New_connections_do_not_live_on_a_loop_that_is_held_however_few_it_has()
    {
        Open(_first, 1000);
        using (new HeldLoop(_second))
        {
            Assert.Same(_first, _loops.Group.Balancer.SelectLoop(_first, Stopwatch.GetTimestamp()));
        }

        Assert.Same(_second, _loops.Group.Balancer.SelectLoop(_first, Stopwatch.GetTimestamp()));
    }

    [Fact]
    public void New_connections_do_not_live_on_a_loop_that_is_held_although_the_acceptor_is_late_in_its_turn()
    {
        Open(_first, 1000);
        long turn = Stopwatch.GetTimestamp();
        using var held = new HeldLoop(_second);

        Assert.Same(_first, _loops.Group.Balancer.SelectLoop(_first, turn));
    }

    [Fact]
    public void Connections_that_the_process_opens_do_not_live_on_a_loop_that_is_held()
    {
        Open(_second, 1000);
        using (new HeldLoop(_first))
        {
            Assert.Same(_second, EventLoopGroup.SelectForOutgoing(_loops.Loops));
        }

        Assert.Same(_first, EventLoopGroup.SelectForOutgoing(_loops.Loops));
    }

    [Fact]
    public void With_every_loop_held_an_outgoing_connection_goes_to_the_one_with_fewest()
    {
        Open(_first, 1000);
        using var first = new HeldLoop(_first);
        using var second = new HeldLoop(_second);

        Assert.Same(_second, EventLoopGroup.SelectForOutgoing(_loops.Loops));
    }

    [Fact]
    public void A_loop_is_not_above_its_share_because_one_that_is_held_has_few_connections()
    {
        Open(_first, 1000);
        using (new HeldLoop(_second))
        {
            // Only what is judged by the first loop's clock counts, which is its last turn.
            LoopFixture.RunOn(_first, () => { });
            LoopFixture.AwaitIdle(_first);
            Assert.False(_loops.Group.Balancer.IsAboveShare(_first, _first.Now));
        }

        Assert.True(_loops.Group.Balancer.IsAboveShare(_first, _first.Now));
    }

    [Fact]
    public void Nothing_moves_to_a_loop_that_is_held()
    {
        using (new HeldLoop(_second))
        {
            Assert.Equal(0, Emigrants(windows: 20));
        }

        Assert.NotEqual(0, Emigrants(windows: 20));
    }

    [Fact]
    public void The_figures_call_a_loop_busy_that_is_held_and_idle_that_sleeps()
    {
        long later = Stopwatch.GetTimestamp() + s_second;
        using (new HeldLoop(_second))
        {
            Assert.Equal(LoopUtilization.Scale, _second.Utilization.Utilization(later + s_second));
        }

        Assert.Equal(0, _second.Utilization.Utilization(later + s_second));
    }

    [Fact]
    public void Of_loops_that_are_equally_busy_none_gives_to_another_because_they_measure_late_and_at_different_times()
    {
        int moved = 0;
        for (int turn = 0; turn < 40; turn++)
        {
            _now += s_second / 25;
            moved += Measure(_first);
            _now += s_second * 4 / 25;
            moved += Measure(_second);
        }

        Assert.Equal(0, moved);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(1_000)]
    [InlineData(60_000)]
    public void The_first_loop_to_measure_after_a_pause_of_the_process_does_not_take_the_others_for_idle(int pause)
    {
        int moved = Run(windows: 20, both: true);
        _now += s_second * pause / 1_000;
        moved += Measure(_first);
        moved += Measure(_second);
        moved += Run(windows: 20, both: true);

        Assert.Equal(0, moved);
    }

    [Fact]
    public void A_loop_that_measures_late_gives_to_one_that_has_long_been_idle()
    {
        int moved = 0;
        for (int turn = 0; turn < 10; turn++)
        {
            _now += s_second / 5;
            moved += Measure(_first);
        }

        Assert.NotEqual(0, moved);
    }

    private static void Open(EventLoop loop, int connections)
    {
        for (int i = 0; i < connections; i++)
        {
            loop.OnConnectionOpened();
        }
    }

    private int Emigrants(int windows) => Run(windows, both: false);

    private int Run(int windows, bool both)
    {
        int moved = 0;
        for (int window = 0; window < windows; window++)
        {
            _now += LoopUtilization.Window;
            moved += Measure(_first);
            moved += both ? Measure(_second) : 0;
        }

        return moved;
    }

    /// <summary>The loop has a hundred hot connections and has been busy all the time.</summary>
    private int Measure(EventLoop loop)
    {
        var sets = new PollingSets(PollingPolicy.Default, new SpinPredictor());
        for (int slot = 0; slot < 100; slot++)
        {
            sets.Register(slot, _now, PollingPolicy.CounterMax);
        }

        loop.Utilization.Measure(_now, sets, -1);
        return _loops.Group.Balancer.PlanMigrations(loop, _now, out _);
    }
}
