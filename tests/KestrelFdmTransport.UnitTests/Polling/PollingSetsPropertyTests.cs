using System;
using System.Collections.Generic;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>What must hold whatever comes: random arrivals, floods, periods and changing tenants.</summary>
public sealed class PollingSetsPropertyTests
{
    private const int Slots = 400;
    private const int Turns = 2_000;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(3, 2, 4)]
    [InlineData(4, 7, 3)]
    [InlineData(5, 1, 16)]
    public void Nobody_starves_and_nobody_is_served_unasked(int seed, int warmPeriod, int coldPeriod)
    {
        var random = new Random(seed);
        var run = new Run(Timeline.Rules with { WarmPeriod = warmPeriod, ColdPeriod = coldPeriod }, random);
        for (int turn = 0; turn < Turns; turn++)
        {
            // Quiet times, busy times, and floods that would starve the others if they could.
            int arrivals = random.Next(4) switch { 0 => 0, 1 => random.Next(5), 2 => random.Next(50), _ => random.Next(Slots) };
            for (int i = 0; i < arrivals; i++)
            {
                run.Arrive(random.Next(2) == 0 ? random.Next(Slots / 4) : random.Next(Slots));
            }

            run.Turn();
        }

        for (int turn = 0; run.Backlog > 0; turn++)
        {
            Assert.True(turn < Turns, "The backlog does not end when nothing more comes.");
            run.Drain();
        }

        run.AssertNobodyWaits();
    }

    private sealed class Run
    {
        private readonly PollingRules _rules;
        private readonly Random _random;
        private readonly PollingSets _sets;

        // What is queued, and the turn by which it must have been served.
        private readonly Dictionary<int, long> _due = [];
        private long _now = 1;

        public Run(PollingRules rules, Random random)
        {
            _rules = rules;
            _random = random;
            _sets = new PollingSets(rules, new SpinGate());
            for (int slot = 0; slot < Slots; slot++)
            {
                _sets.Register(slot, 0);
            }
        }

        public int Backlog => _sets.Backlog;

        public void Arrive(int slot)
        {
            // From well inside a hot gap to beyond the warm window, and the clock of a serve may be ahead of the harvest's.
            _now += _random.Next(10) == 0 ? _random.Next(2 * (int)Timeline.WarmWindow) : _random.Next(3);
            _sets.Arrived((uint)slot, _now, _now - _random.Next(3));
            Assert.InRange(_sets.Counter(slot).Value, (byte)0, PollingRules.CounterMax);
            Queued(slot);
        }

        public void Turn() => Serve(requeue: true);

        public void Drain() => Serve(requeue: false);

        public void AssertNobodyWaits() => Assert.Empty(_due);

        private void Serve(bool requeue)
        {
            _sets.BeginTurn(_now);
            while (_sets.TryNext(out ulong payload))
            {
                int slot = (int)payload;
                Assert.True(_due.Remove(slot, out long due), $"Slot {slot} was not queued.");
                Assert.True(_sets.Turns <= due, $"Slot {slot} was due in turn {due} and is served in turn {_sets.Turns}.");
                _sets.Dequeued(slot);
                if (requeue && _random.Next(3) == 0)
                {
                    _sets.Requeue(payload, _now);
                    Queued(slot);
                }

                _sets.Served(slot, _now + _random.Next(20));
            }
        }

        /// <summary>At worst the set's minimum share is served at each of its polls, and it is polled once a period.</summary>
        private void Queued(int slot)
        {
            PollingSet set = _sets.Counter(slot).Set;
            int period = set switch { PollingSet.Hot => 1, PollingSet.Warm => _rules.WarmPeriod, _ => _rules.ColdPeriod };
            int polls = set == PollingSet.Hot ? 1 : ((_sets.Waiting(set) - 1) / _rules.MinimumShare) + 1;
            _due.TryAdd(slot, _sets.Turns + ((polls + 1) * period));
        }
    }
}
