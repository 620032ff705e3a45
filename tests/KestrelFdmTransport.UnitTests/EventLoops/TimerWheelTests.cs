using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>The wheel against a list of deadlines, with a clock that the test sets.</summary>
public sealed class TimerWheelTests
{
    private const long Tick = 10;
    private const long Round = Tick * TimerWheel.Buckets;

    private readonly TimerWheel _wheel = new(Tick);

    [Fact]
    public void Without_a_deadline_there_is_nothing_to_wait_for()
    {
        Assert.Equal(-1, _wheel.Until(0));
        Assert.False(_wheel.TryTakeDue(long.MaxValue / 2, out _));

        _wheel.Set(3, 100);
        _wheel.Clear(3);

        Assert.Equal(-1, _wheel.Until(0));
        Assert.False(_wheel.TryTakeDue(1_000, out _));
    }

    [Fact]
    public void Clearing_a_slot_that_has_none_changes_nothing()
    {
        _wheel.Clear(1_000);
        _wheel.Set(1, 50);
        _wheel.Clear(0);

        Assert.Equal([1], Take(50));
    }

    [Fact]
    public void The_wait_ends_with_the_tick_of_the_next_one()
    {
        _wheel.Set(1, 5_001);
        _wheel.Set(2, 301);
        _wheel.Set(3, 300);

        Assert.Equal(200, _wheel.Until(100));
        Assert.Equal([3], Take(309));
        Assert.Equal(1, _wheel.Until(309));
        Assert.Equal([2], Take(310));
        Assert.Equal(4_700, _wheel.Until(310));
        Assert.Equal(0, _wheel.Until(6_000));
    }

    [Fact]
    public void A_deadline_that_is_put_off_again_and_again_comes_when_it_is_left_alone()
    {
        long now = 0;
        for (int i = 0; i < 5_000; i++)
        {
            now += 7;
            _wheel.Set(0, now + 1_000);
            Assert.Empty(Take(now));
        }

        Assert.Empty(Take(now + 999));
        Assert.Equal([0], Take(now + 1_000 + Tick));
    }

    [Fact]
    public void A_deadline_may_be_brought_forward()
    {
        _wheel.Set(0, 90_000);
        _wheel.Set(1, 70_000);
        _wheel.Set(0, 40);

        Assert.Equal(40, _wheel.Until(0));
        Assert.Equal([0], Take(40));
        Assert.Equal([1], Take(70_000));
    }

    [Fact]
    public void Days_without_a_look_lose_nothing()
    {
        _wheel.Set(0, 100);
        _wheel.Set(1, (1_000 * Round) + 100);
        _wheel.Set(2, 5_000 * Round);

        Assert.Equal([0, 1], Take(3_000 * Round).Order());
        Assert.Empty(Take((5_000 * Round) - 1));
        Assert.Equal([2], Take(5_000 * Round));
    }

    /// <summary>Never early, never more than a tick late, none lost, none twice.</summary>
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 1_000)]
    [InlineData(3, Round)]
    [InlineData(4, 3 * Round)]
    public void Random_timers_expire_in_time(int seed, long longest)
    {
        const int Slots = 300;
        var random = new Random(seed);
        var model = new SortedDictionary<int, long>();
        long now = 0;
        for (int step = 0; step < 20_000; step++)
        {
            int slot = random.Next(Slots);
            switch (random.Next(8))
            {
                case 0:
                    _wheel.Clear(slot);
                    model.Remove(slot);
                    break;
                case < 5:
                    long due = now + random.NextInt64(longest);
                    _wheel.Set(slot, due);
                    model[slot] = due;
                    break;
                default:
                    now += random.Next(10) == 0 ? random.NextInt64(longest) : random.Next(20);
                    AssertTakes(model, now);
                    break;
            }

            Assert.Equal(model.Count, _wheel.Count);
        }

        now += longest + Tick;
        AssertTakes(model, now);
        Assert.Empty(model);
        Assert.Equal(-1, _wheel.Until(now));
    }

    [Fact]
    public void Who_sleeps_as_long_as_it_says_is_never_late_and_is_not_woken_for_every_tick()
    {
        var random = new Random(7);
        var model = new SortedDictionary<int, long>();
        for (int slot = 0; slot < 50; slot++)
        {
            model[slot] = random.NextInt64(4 * Round);
            _wheel.Set(slot, model[slot]);
        }

        long now = 0;
        int looks = 0;
        for (long sleep; (sleep = _wheel.Until(now)) >= 0; looks++)
        {
            now += sleep;
            AssertTakes(model, now);
            Assert.All(model.Values, due => Assert.True(due > now - Tick));
        }

        Assert.Empty(model);
        Assert.InRange(looks, 1, 50 * 5);
    }

    private List<int> Take(long now)
    {
        var taken = new List<int>();
        while (_wheel.TryTakeDue(now, out int slot))
        {
            taken.Add(slot);
        }

        return taken;
    }

    private void AssertTakes(SortedDictionary<int, long> model, long now)
    {
        foreach (int slot in Take(now))
        {
            Assert.True(model.Remove(slot, out long due), $"Slot {slot} has no deadline.");
            Assert.True(due <= now, $"Slot {slot} is due at {due} and came at {now}.");
        }

        // What falls into the tick of the present may still come.
        long certain = now / Tick * Tick;
        Assert.DoesNotContain(model, entry => entry.Value <= certain);
    }
}
