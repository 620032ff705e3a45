using System;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>Thresholds stretch to what a loop sees.</summary>
public sealed class AdaptiveGapThresholdTests
{
    private const long Unit = 5_000_000;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(4, 0)]
    [InlineData(6, 2)]
    [InlineData(50, 5)]
    [InlineData(700, 8)]
    public void Gaps_that_are_all_alike_become_hot(int milliseconds, int shift)
        => Assert.Equal(shift, After(_ => milliseconds));

    [Fact]
    public void A_fiftieth_of_fast_gaps_among_slow_ones_keeps_the_threshold_down()
        => Assert.Equal(0, After(i => i % 50 == 0 ? 1 : 300));

    [Fact]
    public void A_few_fast_gaps_among_slow_ones_do_not()
        => Assert.Equal(7, After(i => i % 200 == 0 ? 1 : 300));

    [Fact]
    public void With_nothing_but_gaps_of_many_seconds_the_threshold_stays()
        => Assert.Equal(0, After(_ => 60_000));

    [Fact]
    public void A_loop_whose_load_changes_follows_it()
    {
        var scale = new AdaptiveGapThreshold(Unit);
        Feed(scale, 10_000, _ => 100);
        Assert.Equal(6, scale.Shift);

        Feed(scale, 10_000, _ => 1);
        Assert.Equal(0, scale.Shift);
    }

    private static int After(Func<int, long> milliseconds)
    {
        var scale = new AdaptiveGapThreshold(Unit);
        Feed(scale, 10_000, milliseconds);
        return scale.Shift;
    }

    private static void Feed(AdaptiveGapThreshold scale, int count, Func<int, long> milliseconds)
    {
        for (int i = 0; i < count; i++)
        {
            scale.Add(milliseconds(i) * Unit / 5);
        }
    }
}
