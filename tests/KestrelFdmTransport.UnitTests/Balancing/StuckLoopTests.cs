using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>
/// A loop that is held by a callback or a long turn looks idle by all that it has measured, and is not.
/// </summary>
public sealed class StuckLoopTests
{
    private static readonly long s_second = Stopwatch.Frequency;

    private readonly LoadBalancer<SimulatedLoop> _balancer;
    private readonly SimulatedLoop _first;
    private readonly SimulatedLoop _second;

    /// <summary>Long ago: the balancer also reads the real clock, by which what began then is stuck.</summary>
    private long _now = s_second;

    public StuckLoopTests()
    {
        SimulatedLoop[] loops = SimulatedLoop.Create(2, _now);
        _balancer = new LoadBalancer<SimulatedLoop>(() => loops, migrates: true);
        (_first, _second) = (loops[0], loops[1]);
    }

    [Fact]
    public void New_connections_do_not_live_on_a_loop_that_is_held_however_few_it_has()
    {
        _first.ConnectionCount = 1000;
        _second.Utilization.BeginIteration(_now);
        _now += s_second;
        Assert.Same(_first, _balancer.SelectLoop(_first, _now));

        _second.Utilization.BeginWait();
        Assert.Same(_second, _balancer.SelectLoop(_first, _now));
    }

    [Fact]
    public void New_connections_do_not_live_on_a_loop_that_is_held_although_the_acceptor_is_late_in_its_turn()
    {
        _first.ConnectionCount = 1000;
        _second.Utilization.BeginIteration(_now);

        Assert.False(_second.Utilization.IsStuck(_now));
        Assert.Same(_first, _balancer.SelectLoop(_first, _now));
    }

    [Fact]
    public void A_loop_is_not_above_its_share_because_one_that_is_held_has_few_connections()
    {
        _first.ConnectionCount = 1000;
        _second.Utilization.BeginIteration(_now);
        _now += s_second;
        Assert.False(_balancer.IsAboveShare(_first, _now));

        _second.Utilization.BeginWait();
        Assert.True(_balancer.IsAboveShare(_first, _now));
    }

    [Fact]
    public void Nothing_moves_to_a_loop_that_is_held()
    {
        _second.Utilization.BeginIteration(_now);
        Assert.Equal(0, Emigrants(windows: 20));

        _second.Utilization.BeginWait();
        Assert.NotEqual(0, Emigrants(windows: 20));
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
    private int Measure(SimulatedLoop loop)
    {
        loop.Measure(_now, connections: 100);
        return _balancer.PlanMigrations(loop, _now, out _);
    }
}
