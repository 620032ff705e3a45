using System;
using System.Linq;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>The activity of a loop's connections under any traffic, and the cost of measuring it.</summary>
public sealed class PollingSetsActivityTests
{
    /// <summary>What a measurement may look at, in slots.</summary>
    private const int Share = 1_024;

    private readonly PollingSets _sets = new(Timeline.Rules, new SpinPredictor());

    [Fact]
    public void Under_random_traffic_the_activity_is_the_sum_of_the_connections_parts()
    {
        var random = new Random(1);
        bool[] present = new bool[200];
        long now = 0;
        for (int i = 0; i < 20_000; i++)
        {
            now += random.Next(8) == 0 ? Timeline.Rules.HotGap * random.Next(10) : 1;
            int slot = random.Next(present.Length);
            if (!present[slot])
            {
                _sets.Register(slot, now, (byte)random.Next(PollingPolicy.CounterMax + 1));
                present[slot] = true;
            }
            else if (random.Next(4) == 0)
            {
                _sets.Deregister(slot);
                present[slot] = false;
            }
            else
            {
                Speak(slot, now);
            }

            if (i % 100 == 0)
            {
                long hotGap = Timeline.Rules.HotGap;
                (int heat, int proven, int hot) = _sets.Measure(now);
                int[] values = [.. Enumerable.Range(0, present.Length).Where(slot => present[slot]).Select(
                    slot => _sets.Counter(slot)).Select(counter => (int)counter.Activity)];
                Assert.Equal(
                    (values.Sum(), values.Where(static value => value > 4).Sum(), values.Count(
                        static value => value >= 4)),
                    (heat, proven, hot));
                Assert.All(Enumerable.Range(0, present.Length).Where(slot => present[slot]), slot =>
                {
                    LiveCounter counter = _sets.Counter(slot);
                    Assert.InRange(counter.Activity, 0, counter.Value);
                    Assert.True(counter.Activity == counter.Value || now - counter.LastServed >= hotGap);
                });
            }
        }
    }

    [Fact]
    public void A_loop_whose_connections_are_silent_has_no_heat()
    {
        for (int slot = 0; slot < Share; slot++)
        {
            _sets.Register(slot, now: 0, PollingPolicy.CounterMax);
        }

        Assert.Equal((Share * 8, Share * 8, Share), _sets.Measure(1));
        Assert.Equal((0, 0, 0), _sets.Measure(Timeline.Rules.HotGap * 100));
    }

    [Fact]
    public void However_many_connections_there_are_one_measurement_looks_at_few_and_many_look_at_all()
    {
        const int Count = 100_000;
        for (int slot = 0; slot < Count; slot++)
        {
            _sets.Register(slot, now: 0, PollingPolicy.CounterMax);
        }

        long later = Timeline.Rules.HotGap * 100;
        int before = Count * PollingPolicy.CounterMax;
        for (int i = 0; i < 200; i++)
        {
            int heat = _sets.Measure(later).Activity;
            Assert.InRange(before - heat, 0, Share * PollingPolicy.CounterMax);
            before = heat;
        }

        Assert.Equal(0, before);
    }

    [Fact]
    public void Of_very_many_connections_one_that_speaks_counts_at_once()
    {
        const int Count = 100_000;
        for (int slot = 0; slot < Count; slot++)
        {
            _sets.Register(slot, now: 0, value: 0);
        }

        for (int i = 1; i <= 8; i++)
        {
            Speak(Count - 1, i);
        }

        Assert.Equal((8, 8, 1), _sets.Measure(9));
        _sets.Deregister(Count - 1);
        Assert.Equal((0, 0, 0), _sets.Measure(10));
    }

    private void Speak(int slot, long now)
    {
        _sets.BeginBatch(1, now, now);
        _sets.Arrived((ulong)slot);
        _sets.BeginIteration(now);
        Assert.True(_sets.TryNext(out _));
        _sets.Dequeued(slot);
        _sets.OnDispatched(slot, now);
    }
}
