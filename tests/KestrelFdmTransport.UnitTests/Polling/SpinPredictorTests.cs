using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

public sealed class SpinPredictorTests
{
    private const long FastGap = 100;
    private const long ShortGap = 99;
    private const long LongGap = 100;

    private readonly SpinPredictor _gate = new();
    private LiveCounter _first;
    private LiveCounter _second;

    [Fact]
    public void It_is_closed_as_long_as_no_connection_is_fast() => Assert.False(_gate.IsOpen(0));

    [Fact]
    public void It_opens_with_the_fourth_short_gap_in_a_row()
    {
        Observe(ref _first, 3, ShortGap);
        Assert.False(_gate.IsOpen(0));

        Observe(ref _first, 1, ShortGap);
        Assert.True(_gate.IsOpen(0));
    }

    [Fact]
    public void Only_consecutive_short_gaps_of_one_connection_open_the_gate()
    {
        Observe(ref _first, 3, ShortGap);
        Observe(ref _second, 3, ShortGap);

        Assert.False(_gate.IsOpen(0));
    }

    [Fact]
    public void One_long_gap_ends_the_row()
    {
        Observe(ref _first, 3, ShortGap);
        Observe(ref _first, 1, LongGap);
        Observe(ref _first, 3, ShortGap);

        Assert.False(_gate.IsOpen(0));
    }

    [Fact]
    public void One_long_gap_makes_a_fast_connection_slow_however_many_short_ones_there_were()
    {
        Observe(ref _first, 100, ShortGap);
        Observe(ref _first, 1, LongGap);

        Assert.False(_gate.IsOpen(0));
    }

    [Fact]
    public void It_closes_when_the_last_fast_connection_is_slow_again()
    {
        Observe(ref _first, 4, ShortGap);
        Observe(ref _second, 4, ShortGap);

        Observe(ref _first, 1, LongGap);
        Assert.True(_gate.IsOpen(0));
        Observe(ref _second, 2, LongGap);
        Assert.False(_gate.IsOpen(0));
    }

    [Fact]
    public void After_a_miss_every_connection_must_prove_itself_anew()
    {
        Observe(ref _first, 10, ShortGap);
        _gate.Missed();
        Observe(ref _second, 3, ShortGap);
        Observe(ref _first, 3, ShortGap);
        Observe(ref _second, 1, LongGap);
        Observe(ref _second, 3, ShortGap);
        Assert.False(_gate.IsOpen(0));

        Observe(ref _first, 1, ShortGap);
        Assert.True(_gate.IsOpen(0));
    }

    [Fact]
    public void Each_spin_in_vain_doubles_what_is_asked_for_and_each_that_finds_something_halves_it()
    {
        Assert.Equal(4, GapsUntilOpen());
        _gate.Missed();
        Assert.Equal(8, GapsUntilOpen());
        _gate.Missed();
        Assert.Equal(16, GapsUntilOpen());
        _gate.Missed();
        Assert.Equal(32, GapsUntilOpen());

        // Back to 8, and with the next miss to 16.
        _gate.Found(undisturbed: true);
        _gate.Found(undisturbed: true);
        _gate.Missed();
        Assert.Equal(16, GapsUntilOpen());
    }

    [Fact]
    public void Where_spinning_never_pays_it_nearly_ends()
    {
        int spins = 0;
        for (int request = 0; request < 1_000_000; request++)
        {
            Observe(ref _first, 1, ShortGap);
            if (_gate.IsOpen(0))
            {
                spins++;
                _gate.Missed();
            }
        }

        Assert.InRange(spins, 10, 40);
    }

    [Fact]
    public void It_is_tried_again_where_it_has_not_paid_for_long()
    {
        for (int i = 0; i < 100; i++)
        {
            Assert.InRange(GapsUntilOpen(), 1, 100_000);
            _gate.Missed();
        }

        GapsUntilOpen();
        for (int i = 0; i < 20; i++)
        {
            _gate.Found(undisturbed: true);
            Assert.True(_gate.IsOpen(0));
        }

        _gate.Missed();
        Assert.Equal(8, GapsUntilOpen());
    }

    [Fact]
    public void What_is_found_after_others_have_had_the_CPU_counts_as_a_miss()
    {
        GapsUntilOpen();
        _gate.Found(undisturbed: false);
        Assert.False(_gate.IsOpen(0));

        Assert.Equal(8, GapsUntilOpen());
    }

    [Fact]
    public void A_connection_that_was_fast_before_a_miss_takes_nothing_from_those_that_are_fast_now()
    {
        Observe(ref _first, 4, ShortGap);
        _gate.Missed();
        Observe(ref _second, 8, ShortGap);

        Observe(ref _first, 1, LongGap);
        _gate.Forget(ref _first);

        Assert.True(_gate.IsOpen(0));
    }

    [Fact]
    public void Preemption_closes_it_for_the_pause()
    {
        Observe(ref _first, 4, ShortGap);
        _gate.OnPreempted(now: 1000, pause: 50);
        Observe(ref _first, 8, ShortGap);

        Assert.False(_gate.IsOpen(1000));
        Assert.False(_gate.IsOpen(1049));
        Assert.True(_gate.IsOpen(1050));
    }

    [Fact]
    public void Preemption_is_a_miss_too()
    {
        Observe(ref _first, 4, ShortGap);
        _gate.OnPreempted(now: 1000, pause: 50);

        Assert.False(_gate.IsOpen(2000));
    }

    [Fact]
    public void A_forgotten_connection_is_not_fast()
    {
        Observe(ref _first, 4, ShortGap);
        _gate.Forget(ref _first);
        Assert.False(_gate.IsOpen(0));

        _gate.Forget(ref _first);
        Observe(ref _second, 4, ShortGap);
        Assert.True(_gate.IsOpen(0));
    }

    [Fact]
    public void A_forgotten_connection_that_was_not_fast_changes_nothing()
    {
        Observe(ref _first, 3, ShortGap);
        Observe(ref _second, 4, ShortGap);

        _gate.Forget(ref _first);

        Assert.True(_gate.IsOpen(0));
    }

    [Fact]
    public void A_connection_that_leaves_its_slot_is_forgotten()
    {
        var gate = new SpinPredictor();
        var sets = new PollingSets(Timeline.Rules, gate);
        sets.Register(0, 0);
        for (int i = 0; i < 4; i++)
        {
            sets.BeginBatch(1, 1, 1);
            sets.Arrived(0);
            sets.BeginIteration(1);
            Assert.True(sets.TryNext(out _));
            sets.Dequeued(0);
            sets.OnDispatched(0, 1);
        }

        Assert.True(gate.IsOpen(1));
        sets.Deregister(0);
        Assert.False(gate.IsOpen(1));
    }

    private int GapsUntilOpen()
    {
        int gaps = 0;
        while (!_gate.IsOpen(0))
        {
            Observe(ref _first, 1, ShortGap);
            gaps++;
        }

        return gaps;
    }

    private void Observe(ref LiveCounter counter, int times, long gap)
    {
        for (int i = 0; i < times; i++)
        {
            _gate.Observe(ref counter, gap, FastGap);
        }
    }
}
