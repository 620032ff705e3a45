using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using KestrelFdmTransport.Balancing;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>
/// Hot connections on simulated loops, each of which takes a part of its loop's time, window after window in virtual
/// time.
/// </summary>
internal sealed class LoadPopulation
{
    private readonly SimulatedLoop[] _loops;
    private readonly LoadBalancer<SimulatedLoop> _balancer;
    private readonly Random _random;
    private readonly List<double>[] _works;
    private long _now = 1_000 * Stopwatch.Frequency;

    public LoadPopulation(int loops, int seed, bool moves = true)
    {
        _loops = SimulatedLoop.Create(loops, _now);
        _balancer = new LoadBalancer<SimulatedLoop>(() => _loops, moves);
        _random = new Random(seed);
        _works = [.. Enumerable.Range(0, loops).Select(_ => new List<double>())];
    }

    public int Moves { get; private set; }

    /// <summary>How far measurements are off, at most, as a part of what is measured.</summary>
    public double Error { get; init; }

    /// <summary>
    /// Loops that others keep from their CPUs: which part of the time that they are busy they have one.
    /// </summary>
    public Dictionary<int, double> Deprived { get; } = [];

    /// <summary>Loops that use more of their time at the moment than their connections need.</summary>
    public Dictionary<int, double> Spikes { get; } = [];

    /// <summary>The parts of their time that the loops are busy, one would need more than there is.</summary>
    public IEnumerable<double> Busy => _works.Select(works => Math.Min(1, works.Sum()));

    public double Difference => Busy.Max() - Busy.Min();

    /// <summary>The connections of the loop that has most, by the mean of all loops.</summary>
    public double CountShare => (double)_works.Max(works => works.Count) * _works.Length / Connections;

    public int CountDifference => _works.Max(works => works.Count) - _works.Min(works => works.Count);

    public int Connections => _works.Sum(works => works.Count);

    public void Add(int loop, double work, int count = 1) => _works[loop].AddRange(Enumerable.Repeat(work, count));

    /// <summary>Each loop measures, then gives away, in any order.</summary>
    public void Run(int windows)
    {
        for (int window = 0; window < windows; window++)
        {
            _now += LoopUtilization.Window;
            SimulatedLoop[] loops = [.. _loops];
            _random.Shuffle(loops);
            foreach (SimulatedLoop loop in loops)
            {
                Measure(loop);
                int emigrants = _balancer.PlanMigrations(loop, _now, out SimulatedLoop? destination);
                for (int i = 0; i < emigrants; i++)
                {
                    Move(_works[loop.Index], _works[destination!.Index]);
                }
            }
        }
    }

    private void Measure(SimulatedLoop loop)
    {
        List<double> works = _works[loop.Index];
        double busy = Math.Min(
            1,
            (works.Sum() * (1 + (Error * ((2 * _random.NextDouble()) - 1)))) + Spikes.GetValueOrDefault(loop.Index));
        loop.Utilization.AddIdleTime((long)(LoopUtilization.Window * (1 - busy)));
        loop.Measure(_now, works.Count, CpuTime(loop, busy));
    }

    private long CpuTime(SimulatedLoop loop, double busy)
        => Deprived.TryGetValue(loop.Index, out double part) ? (long)(LoopUtilization.Window * busy * part) : -1;

    /// <summary>The first one that is dispatched migrates: the loop does not know what each one costs.</summary>
    private void Move(List<double> from, List<double> to)
    {
        int index = _random.Next(from.Count);
        to.Add(from[index]);
        from.RemoveAt(index);
        Moves++;
    }
}
