using System.Runtime.CompilerServices;
using KestrelFdmTransport.Polling;
using Xunit;
using static KestrelFdmTransport.PollingSet;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>How arrivals move a connection's counter, and which set the counter puts it in.</summary>
public sealed class LiveCounterTests
{
    private readonly Timeline _timeline = new();

    [Fact]
    public void A_counter_takes_sixteen_bytes() => Assert.Equal(16, Unsafe.SizeOf<LiveCounter>());

    [Fact]
    public void A_new_connection_is_warm_and_one_short_gap_from_hot()
    {
        _timeline.Register(0);

        LiveCounter counter = _timeline.Sets.Counter(0);
        Assert.Equal((PollingPolicy.CounterStart, Warm, false), (counter.Value, counter.Set, counter.Queued));
        _timeline.Play((5, 0, 4, Hot));
    }

    [Fact]
    public void Short_gaps_count_up_to_eight_and_no_further()
    {
        _timeline.Register(0);

        _timeline.Play(
            (5, 0, 4, Hot),
            (14, 0, 5, Hot),
            (14, 0, 6, Hot),
            (15, 0, 7, Hot),
            (20, 0, 8, Hot),
            (21, 0, 8, Hot),
            (30, 0, 8, Hot));
    }

    [Fact]
    public void A_long_gap_counts_down_once_for_each_period_in_it()
    {
        _timeline.Register(0);

        _timeline.Play(
            (1, 0, 4, Hot),
            (2, 0, 5, Hot),
            (3, 0, 6, Hot),
            (4, 0, 7, Hot),
            (5, 0, 8, Hot),
            (15, 0, 7, Hot),
            (34, 0, 6, Hot),
            (54, 0, 4, Hot));
    }

    [Fact]
    public void A_hot_connection_stays_hot_until_its_counter_is_zero()
    {
        _timeline.Register(0);

        _timeline.Play(
            (1, 0, 4, Hot),
            (31, 0, 1, Hot),
            (32, 0, 2, Hot),
            (42, 0, 1, Hot),
            (52, 0, 0, Warm),
            (53, 0, 1, Warm),
            (54, 0, 2, Warm),
            (55, 0, 3, Warm),
            (56, 0, 4, Hot));
    }

    [Fact]
    public void A_connection_that_was_silent_for_the_warm_window_is_cold_until_it_comes_again_soon()
    {
        _timeline.Register(0);

        _timeline.Play(
            (99, 0, 0, Warm),
            (199, 0, 0, Cold),
            (298, 0, 0, Warm),
            (100_000, 0, 0, Cold),
            (100_001, 0, 1, Warm));
    }

    [Fact]
    public void A_hot_connection_that_falls_silent_becomes_cold_at_once()
    {
        _timeline.Register(0);

        _timeline.Play((1, 0, 4, Hot), (2, 0, 5, Hot), (2 + 1_000_000_000_000, 0, 0, Cold));
    }

    [Fact]
    public void Connections_are_counted_apart()
    {
        _timeline.Register(0);
        _timeline.Register(1);
        _timeline.Register(200);

        _timeline.Play(
            (1, 0, 4, Hot),
            (2, 0, 5, Hot),
            (30, 1, 0, Warm),
            (31, 0, 3, Hot),
            (31, 1, 1, Warm),
            (150, 200, 0, Cold),
            (151, 0, 0, Cold));
    }

    [Fact]
    public void The_gap_begins_when_the_connection_was_served()
    {
        _timeline.Register(0);
        _timeline.Arrive(0, 1);
        _timeline.Iterate(5_000);

        _timeline.Play((5_009, 0, 5, Hot));
    }

    [Fact]
    public void An_arrival_before_the_end_of_the_serve_counts_as_a_short_gap()
    {
        _timeline.Register(0, 100);

        _timeline.Play((40, 0, 4, Hot));
    }

    [Fact]
    public void A_connection_that_is_queued_is_not_counted_again()
    {
        _timeline.Register(0);

        _timeline.Arrive(0, 1);
        _timeline.Arrive(0, 2);
        _timeline.Arrive(0, 500);

        Assert.Equal((4, Hot), (_timeline.Sets.Counter(0).Value, _timeline.Sets.Counter(0).Set));
        Assert.Equal(1, _timeline.Sets.Backlog);
        Assert.Equal([0], _timeline.Iterate(501));
    }

    [Fact]
    public void A_slot_that_is_registered_again_starts_anew()
    {
        _timeline.Register(0);
        _timeline.Play((1, 0, 4, Hot), (2, 0, 5, Hot));

        _timeline.Sets.Deregister(0);
        _timeline.Register(0, 50);

        _timeline.Play((65, 0, 2, Warm));
    }
}
