using System.Diagnostics;
using KestrelFdmTransport.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>Which flushes wait for the next one.</summary>
public sealed class FlushBurstDetectorTests
{
    private static readonly long s_microsecond = Stopwatch.Frequency / 1_000_000;

    private FlushBurstDetector _burst;
    private long _now = Stopwatch.Frequency;
    private long _received;

    [Fact]
    public void Flushes_that_follow_each_other_at_once_become_a_burst()
    {
        Assert.False(Flush(5));
        for (int i = 0; i < 16; i++)
        {
            Flush(5);
        }

        Assert.True(Flush(5));
    }

    [Fact]
    public void Answers_to_one_request_after_the_other_never_are()
    {
        for (int i = 0; i < 100; i++)
        {
            _received += 40;
            Assert.False(Flush(30));
        }
    }

    [Fact]
    public void Messages_with_time_between_them_never_are()
    {
        for (int i = 0; i < 100; i++)
        {
            Assert.False(Flush(200));
        }
    }

    [Fact]
    public void A_pause_between_two_bursts_does_not_end_them()
    {
        for (int i = 0; i < 16; i++)
        {
            Flush(5);
        }

        Assert.True(Flush(10_000));
        Assert.True(Flush(5));
    }

    [Fact]
    public void A_burst_that_is_over_is_forgotten()
    {
        for (int i = 0; i < 16; i++)
        {
            Flush(5);
        }

        for (int i = 0; i < 16; i++)
        {
            Flush(10_000);
        }

        Assert.False(Flush(10_000));
    }

    private bool Flush(int microseconds)
    {
        _now += microseconds * s_microsecond;
        return _burst.Add(_now, _received);
    }
}
