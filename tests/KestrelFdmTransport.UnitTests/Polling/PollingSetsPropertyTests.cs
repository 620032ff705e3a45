using System;
using System.Collections.Generic;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>What must hold under every load: random arrivals, floods, quotas and changing tenants.</summary>
public sealed class PollingSetsPropertyTests
{
    private const int Slots = 400;
    private const int Iterations = 2_000;

    /// <summary>Arrivals within a poll differ by parts of this.</summary>
    private const int Step = 1_000;

    private static readonly PollingPolicy s_rules = Timeline.Rules with
    {
        HotGap = Timeline.HotGap * Step,
        WarmGap = Timeline.WarmWindow * Step,
        FastGap = 2 * Step
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Under_overload_no_connection_starves_or_is_dispatched_without_being_queued(int seed)
        => Play(s_rules with { FifoBatch = Slots }, seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Without_overload_connections_are_dispatched_in_arrival_order(int seed)
        => Play(s_rules with { OverloadAfter = long.MaxValue, MaxQueueDelay = long.MaxValue, FifoBatch = 20 }, seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_client_starves_where_overload_comes_and_goes(int seed)
    {
        Run run = Play(s_rules with { OverloadAfter = 500 * Step, MaxQueueDelay = 300 * Step, FifoBatch = 40 }, seed);

        Assert.InRange(run.OverloadedIterations, Iterations / 20, Iterations * 19 / 20);
    }

    private static Run Play(PollingPolicy rules, int seed)
    {
        var random = new Random(seed);
        var run = new Run(rules, random);
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            // Quiet times, busy times, and floods that would starve the others if they could.
            bool quiet = iteration / 100 % 2 == 0;
            int arrivals = random.Next(
                quiet ? 2 : 4) switch
            { 0 => 0, 1 => random.Next(5), 2 => random.Next(50), _ => random.Next(Slots) };
            run.Poll(arrivals);

            run.Iterate();
        }

        for (int iteration = 0; run.Backlog > 0; iteration++)
        {
            Assert.True(iteration < Iterations, "The backlog does not end when nothing more comes.");
            run.Drain();
        }

        run.AssertNobodyWaits();
        return run;
    }

    private sealed class Run
    {
        private readonly PollingPolicy _rules;
        private readonly Random _random;
        private readonly PollingSets _sets;
        private readonly Dictionary<int, Waiting> _waiting = [];
        private long _now = 1;
        private long _polledAt;

        public Run(PollingPolicy rules, Random random)
        {
            _rules = rules;
            _random = random;
            _sets = new PollingSets(rules, new SpinPredictor());
            for (int slot = 0; slot < Slots; slot++)
            {
                _sets.Register(slot, 0);
            }
        }

        public int Backlog => _sets.Backlog;

        public int OverloadedIterations { get; private set; }

        public void Poll(int count)
        {
            // From well inside a hot gap to beyond the warm window.
            long since = _polledAt;
            _now += Step * (_random.Next(10) == 0
                ? _random.Next(count * 2 * (int)Timeline.WarmWindow)
                : _random.Next(3 * count));
            _polledAt = _now;
            _sets.BeginBatch(count, _now, since);
            for (int i = 1; i <= count; i++)
            {
                int slot = _random.Next(2) == 0 ? _random.Next(Slots / 4) : _random.Next(Slots);
                _sets.Arrived((uint)slot);
                Assert.InRange(_sets.Counter(slot).Value, (byte)0, PollingPolicy.CounterMax);
                Queued(slot, _sets.Iterations, since + ((_now - since) / count * i), _now - since);
            }
        }

        public void Iterate() => Serve(requeue: true);

        public void Drain() => Serve(requeue: false);

        public void AssertNobodyWaits() => Assert.Empty(_waiting);

        private void Serve(bool requeue)
        {
            _sets.BeginIteration(_now);
            OverloadedIterations += _sets.IsOverloaded ? 1 : 0;
            while (_sets.TryNext(out ulong token))
            {
                int slot = (int)token;
                Assert.True(_waiting.Remove(slot, out Waiting? served), $"Slot {slot} was not queued.");
                Assert.True(
                    _sets.Iterations <= served.Due,
                    $"Slot {slot} was due in iteration {served.Due} and is served in iteration {_sets.Iterations}.");
                if (!_sets.IsOverloaded)
                {
                    AssertNobodyWasFirst(slot, served);
                }

                _sets.Dequeued(slot);
                if (requeue && _random.Next(3) == 0)
                {
                    _sets.Requeue(token, _polledAt);
                    Queued(slot, _sets.Iterations + 1, _now, slack: 0);
                }

                _now += Step * _random.Next(3);
                _sets.OnDispatched(slot, _now);
            }
        }

        /// <summary>
        /// Two exceptions: a connection that asks for more comes in the next iteration. Within a set, entries queued
        /// between two polls come before those of the second poll.
        /// </summary>
        private void AssertNobodyWasFirst(int slot, Waiting served)
        {
            foreach ((int other, Waiting waiting) in _waiting)
            {
                Assert.True(
                    waiting.FirstIteration > _sets.Iterations
                    || served.QueuedAt <= waiting.QueuedAt + waiting.Slack + Step,
                    $"Slot {slot}, which came at {served.QueuedAt}, is served before {other}, which came at "
                        + $"{waiting.QueuedAt}.");
            }
        }

        private void Queued(int slot, long firstIteration, long now, long slack)
        {
            PollingSet set = _sets.Counter(slot).Set;
            _waiting.TryAdd(slot, new Waiting(firstIteration, _sets.Iterations + IterationsAtMost(set), now, slack));
        }

        /// <summary>
        /// Under overload an iteration dispatches at least the set's minimum quota. In arrival order all that wait come
        /// first.
        /// </summary>
        private int IterationsAtMost(PollingSet set)
        {
            int polls = set == PollingSet.Hot ? 1 : ((_sets.Queue(set).Count - 1) / _rules.MinQuota) + 1;
            int inOrder = _rules.OverloadAfter == 0 ? 0 : (2 * Slots / _rules.FifoBatch) + 1;
            return polls + 1 + inOrder;
        }

        private sealed record Waiting(long FirstIteration, long Due, long QueuedAt, long Slack);
    }
}
