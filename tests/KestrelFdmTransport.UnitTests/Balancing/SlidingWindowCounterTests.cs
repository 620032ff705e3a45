using System.Threading.Tasks;
using KestrelFdmTransport.Balancing;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

public sealed class SlidingWindowCounterTests
{
    private readonly SlidingWindowCounter _count = new();

    [Fact]
    public void What_happened_in_this_window_and_in_the_one_before_counts()
    {
        Add(window: 7, times: 3);
        Add(window: 8, times: 2);

        Assert.Equal(5, _count.Read(8));
        Assert.Equal(2, _count.Read(9));
        Assert.Equal(0, _count.Read(10));
    }

    [Fact]
    public void What_was_long_ago_does_not_count()
    {
        Add(window: 7, times: 3);
        Add(window: 100, times: 1);

        Assert.Equal(1, _count.Read(100));
    }

    [Fact]
    public void A_thread_with_an_older_clock_counts_in_the_newer_window()
    {
        Add(window: 8, times: 2);
        Add(window: 7, times: 1);

        Assert.Equal(3, _count.Read(7));
        Assert.Equal(3, _count.Read(9));
    }

    [Fact]
    public void Windows_stay_distinct_when_their_number_wraps()
    {
        Add(window: uint.MaxValue, times: 3);
        Add(window: 1L + uint.MaxValue, times: 2);

        Assert.Equal(5, _count.Read(1L + uint.MaxValue));
        Assert.Equal(2, _count.Read(2L + uint.MaxValue));
    }

    [Fact]
    public void It_counts_to_the_end_of_its_range_and_stays_there()
    {
        Add(window: 7, times: 70_000);

        Assert.Equal(65_535, _count.Read(7));
        Assert.Equal(65_535, _count.Read(8));
    }

    [Fact]
    public void Nothing_that_several_threads_count_is_lost()
    {
        Parallel.For(0, 4, _ => Add(window: 7, times: 10_000));

        Assert.Equal(40_000, _count.Read(7));
    }

    private void Add(long window, int times)
    {
        for (int i = 0; i < times; i++)
        {
            _count.Add(window);
        }
    }
}
