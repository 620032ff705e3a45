using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class TimerQueueTests
{
    private readonly TimerQueue<IoSource> _deadlines = new();
    private readonly ProbeSource _first = new();
    private readonly ProbeSource _second = new();

    [Fact]
    public void Without_any_there_is_nothing_to_wait_for()
    {
        Assert.Equal(-1, _deadlines.Until(100));
        Assert.False(_deadlines.TryTakeDue(long.MaxValue, out IoSource? source));
        Assert.Null(source);
    }

    [Fact]
    public void The_wait_ends_with_the_next_one()
    {
        _deadlines.Set(_first, 500);
        _deadlines.Set(_second, 300);

        Assert.Equal(200, _deadlines.Until(100));
        Assert.Equal(0, _deadlines.Until(300));
        Assert.Equal(0, _deadlines.Until(1_000));
    }

    [Fact]
    public void Each_is_taken_once_when_it_is_due()
    {
        _deadlines.Set(_first, 500);
        _deadlines.Set(_second, 300);

        Assert.False(_deadlines.TryTakeDue(299, out _));
        Assert.True(_deadlines.TryTakeDue(300, out IoSource? source));
        Assert.Same(_second, source);
        Assert.False(_deadlines.TryTakeDue(300, out _));
        Assert.True(_deadlines.TryTakeDue(501, out source));
        Assert.Same(_first, source);
        Assert.Equal(-1, _deadlines.Until(0));
    }

    [Fact]
    public void A_new_deadline_takes_the_place_of_the_old_one()
    {
        _deadlines.Set(_first, 100);
        _deadlines.Set(_first, 900);

        Assert.Equal(900, _deadlines.Until(0));
        Assert.False(_deadlines.TryTakeDue(100, out _));
        Assert.True(_deadlines.TryTakeDue(900, out _));
        Assert.False(_deadlines.TryTakeDue(900, out _));
    }

    [Fact]
    public void A_cleared_one_does_not_come()
    {
        _deadlines.Set(_first, 100);
        _deadlines.Set(_second, 200);

        _deadlines.Clear(_first);

        Assert.Equal(200, _deadlines.Until(0));
        Assert.True(_deadlines.TryTakeDue(1_000, out IoSource? source));
        Assert.Same(_second, source);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Many_that_are_set_moved_and_cleared_come_in_the_order_of_their_times(int seed)
    {
        var random = new Random(seed);
        ProbeSource[] sources = [.. Enumerable.Range(0, 500).Select(_ => new ProbeSource())];
        var expected = new Dictionary<IoSource, long>();
        for (int i = 0; i < 20_000; i++)
        {
            ProbeSource source = sources[random.Next(sources.Length)];
            long due = random.Next(1_000);
            switch (random.Next(4))
            {
                case 0:
                    _deadlines.Clear(source);
                    expected.Remove(source);
                    break;
                case 1 when _deadlines.TryTakeDue(due, out IoSource? taken):
                    Assert.Equal(expected.Values.Min(), expected[taken!]);
                    Assert.True(expected[taken!] <= due);
                    expected.Remove(taken!);
                    break;
                default:
                    _deadlines.Set(source, due);
                    expected[source] = due;
                    break;
            }

            Assert.Equal(expected.Count, _deadlines.Count);
            Assert.Equal(expected.Count == 0 ? -1 : expected.Values.Min(), _deadlines.Until(0));
        }

        long last = -1;
        while (_deadlines.TryTakeDue(long.MaxValue, out IoSource? source))
        {
            Assert.InRange(expected[source!], last, long.MaxValue);
            last = expected[source!];
        }
    }

    /// <summary>A close clears; were it to look at the others, this would take a minute.</summary>
    [Fact]
    public void Clearing_one_does_not_look_at_the_others()
    {
        ProbeSource[] sources = [.. Enumerable.Range(0, 100_000).Select(_ => new ProbeSource())];
        for (int i = 0; i < sources.Length; i++)
        {
            _deadlines.Set(sources[i], i);
        }

        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 100; i++)
        {
            Array.ForEach(sources, source => _deadlines.Set(source, source.GetHashCode()));
        }

        Array.ForEach(sources, _deadlines.Clear);
        Assert.Equal(0, _deadlines.Count);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Eventually.Limit);
    }
}
