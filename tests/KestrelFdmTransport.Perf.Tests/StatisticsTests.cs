using KestrelFdmTransport.TransportComparison.Results;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class StatisticsTests
{
    [Theory]
    [InlineData(new double[] { 7 }, 7)]
    [InlineData(new double[] { 9, 1, 5 }, 5)]
    [InlineData(new double[] { 4, 1, 3, 2 }, 2.5)]
    public void The_median_is_the_middle_or_between_the_two_middle_ones(double[] values, double median)
        => Assert.Equal(median, Statistics.Median(values));

    [Fact]
    public void A_quantile_between_two_values_lies_in_proportion()
        => Assert.Equal(13, Statistics.Quantile([10, 20, 30, 40], 0.1), 9);

    [Fact]
    public void The_spread_is_half_the_distance_of_the_quartiles_by_the_median()
        => Assert.Equal(0.1, Statistics.Spread([8, 9, 10, 11, 12]), 9);

    [Fact]
    public void Rounds_are_compared_one_by_one()
    {
        // The machine became ten times slower between the rounds, for both.
        Ratio ratio = Statistics.PairedRatio([200, 20, 2000], [100, 10, 1000]);

        Assert.Equal(2, ratio.Median);
        Assert.Equal(2, ratio.Low);
        Assert.Equal(2, ratio.High);
    }

    [Fact]
    public void The_interval_holds_the_median_and_no_more_than_what_was_measured()
    {
        Ratio ratio = Statistics.PairedRatio([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);

        Assert.Equal(5.5, ratio.Median);
        Assert.InRange(ratio.Low, 1, 5);
        Assert.InRange(ratio.High, 6, 10);
    }

    [Fact]
    public void Two_runs_are_compared_by_their_ratios()
    {
        Ratio before = Statistics.PairedRatio([150, 150], [100, 100]);
        Ratio now = Statistics.PairedRatio([1800, 1800], [1000, 1000]);

        Assert.Equal(1.2, Statistics.Change(before, now).Median, 9);
    }
}
