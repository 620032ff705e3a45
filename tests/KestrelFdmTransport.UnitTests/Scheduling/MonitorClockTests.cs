using System;
using System.Diagnostics;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>
/// How much of the time between two looks of the monitor is the callbacks' own. Times in milliseconds.
/// </summary>
public sealed class MonitorClockTests
{
    private MonitorClock _clock;
    private double _now = 1_000;
    private double _paused = 500;

    public MonitorClockTests() => _clock.Restart(Ticks(_now), TimeSpan.FromMilliseconds(_paused));

    [Fact]
    public void A_look_that_comes_in_time_counts_whole() => Assert.Equal(1.1, Look(passed: 1.1), precision: 3);

    [Fact]
    public void A_collection_does_not_count()
    {
        Assert.Equal(1.5, Look(passed: 31.5, paused: 30), precision: 3);
        Assert.Equal(0.5, Look(passed: 1.5, paused: 1), precision: 3);
    }

    [Fact]
    public void A_collection_that_is_reported_late_does_not_turn_the_time_back()
        => Assert.Equal(0, Look(passed: 1, paused: 5));

    [Fact]
    public void A_look_that_comes_late_does_not_count()
    {
        Look(passed: 1);
        Assert.Equal(0, Look(passed: 30));
        Assert.Equal(1, Look(passed: 1), precision: 3);
        Assert.Equal(0, Look(passed: 80));
    }

    [Fact]
    public void Where_every_look_is_late_what_was_planned_counts()
    {
        Look(passed: 21);
        Assert.Equal(MonitorClock.Period.TotalMilliseconds, Look(passed: 21), precision: 3);
        Assert.Equal(MonitorClock.Period.TotalMilliseconds, Look(passed: 24), precision: 3);
    }

    [Fact]
    public void A_pause_does_not_count()
    {
        _now += 10_000;
        _paused += 100;
        _clock.Restart(Ticks(_now), TimeSpan.FromMilliseconds(_paused));
        Assert.Equal(1, Look(passed: 1), precision: 3);
    }

    private static long Ticks(double milliseconds) => (long)(milliseconds * Stopwatch.Frequency / 1_000);

    private double Look(double passed, double paused = 0)
    {
        _now += passed;
        _paused += paused;
        return _clock.Look(Ticks(_now), MonitorClock.Period, TimeSpan.FromMilliseconds(_paused)) * 1_000.0
            / Stopwatch.Frequency;
    }
}
