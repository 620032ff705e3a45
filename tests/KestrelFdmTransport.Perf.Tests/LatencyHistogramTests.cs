using KestrelFdmTransport.TransportComparison.Loads;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(50, 500)]
    [InlineData(99, 990)]
    [InlineData(99.9, 999)]
    [InlineData(100, 1000)]
    public void A_percentile_is_right_to_two_percent(double percent, double microseconds)
    {
        var histogram = new LatencyHistogram();
        for (int i = 1000; i > 0; i--)
        {
            histogram.Record(i * 1000);
        }

        Assert.InRange(histogram.Percentile(percent), microseconds * 0.98, microseconds * 1.02);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(128_000)]
    [InlineData(3_600_000_000_000)]
    [InlineData(long.MaxValue)]
    public void Any_duration_has_a_class(long nanoseconds)
    {
        var histogram = new LatencyHistogram();

        histogram.Record(nanoseconds);

        Assert.InRange(histogram.Percentile(50), nanoseconds / 1000.0 * 0.98, (nanoseconds / 1000.0 * 1.02) + 0.001);
    }

    [Fact]
    public void Added_histograms_count_together()
    {
        var fast = new LatencyHistogram();
        var slow = new LatencyHistogram();
        fast.Record(1_000);
        slow.Record(1_000_000);

        fast.Add(slow);

        Assert.Equal(2, fast.Count);
        Assert.InRange(fast.Percentile(99), 980, 1020);
    }

    [Fact]
    public void Without_a_record_there_is_no_percentile()
        => Assert.True(double.IsNaN(new LatencyHistogram().Percentile(50)));
}
