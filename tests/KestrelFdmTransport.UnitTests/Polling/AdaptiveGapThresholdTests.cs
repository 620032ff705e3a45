using System;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>Thresholds stretch to what a loop sees.</summary>
public sealed class AdaptiveGapThresholdTests
{
    private const long Unit = 5_000_000;

    /// <summary>The unit in milliseconds.</summary>
    private const int Default = 5;

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(50)]
    [InlineData(700)]
    public void Gaps_that_are_all_alike_become_hot(int milliseconds)
        => Assert.True(HotGap(_ => milliseconds) >= milliseconds);

    [Fact]
    public void The_fast_kind_among_slow_ones_keeps_the_threshold_down()
        => Assert.Equal(Default, HotGap(i => i % 20 == 0 ? 1 : 300));

    [Fact]
    public void Very_few_fast_gaps_among_slow_ones_do_not()
        => Assert.True(HotGap(i => i % 200 == 0 ? 1 : 300) >= 300);

    [Fact]
    public void With_nothing_but_gaps_of_many_seconds_the_threshold_stays()
        => Assert.Equal(Default, HotGap(_ => 60_000));

    [Fact]
    public void A_loop_whose_load_changes_follows_it()
    {
        var scale = new AdaptiveGapThreshold(Unit);
        Feed(scale, 10_000, _ => 100);
        Assert.True(Default << scale.Shift >= 100);

        Feed(scale, 10_000, _ => 1);
        Assert.Equal(0, scale.Shift);
    }

    /// <summary>The longest gap of a hot connection, in milliseconds.</summary>
    private static int HotGap(Func<int, long> milliseconds)
    {
        var scale = new AdaptiveGapThreshold(Unit);
        Feed(scale, 10_000, milliseconds);
        return Default << scale.Shift;
    }

    private static void Feed(AdaptiveGapThreshold scale, int count, Func<int, long> milliseconds)
    {
        for (int i = 0; i < count; i++)
        {
            scale.Add(milliseconds(i) * Unit / Default);
        }
    }
}
