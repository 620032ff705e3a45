using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>One kind of load and what is measured under it.</summary>
internal abstract class Workload(string name, string description)
{
    internal string Name { get; } = name;

    internal string Description { get; } = description;

    /// <summary>What it is about.</summary>
    internal Metric Headline { get; init; } = Metric.Cpu;

    /// <summary>It takes long, or answers a question of its own.</summary>
    internal bool OnlyIfNamed { get; init; }

    /// <summary>The number of event loops, on all CPUs, which the load shares; null: as the placement says.</summary>
    internal int? Loops { get; init; }

    /// <summary>Whether each round needs a new server process.</summary>
    internal virtual bool FreshServer => false;

    /// <summary>What the warm-up takes beyond its load, about.</summary>
    internal virtual TimeSpan Preparation => TimeSpan.FromSeconds(1);

    /// <summary>What a round takes beyond its load.</summary>
    internal virtual TimeSpan Overhead => TimeSpan.FromSeconds(0.4);

    /// <summary>The name of what makes the load.</summary>
    internal abstract string Tool(LoadTools tools);

    internal abstract bool RunsOn(Candidate candidate);

    /// <summary>Makes the code that the workload needs hot.</summary>
    internal abstract Task WarmUpAsync(Trial trial, CancellationToken cancellation);

    /// <summary>One round: the figures by the metric's key.</summary>
    internal abstract Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation);

    /// <summary>The load alone, to be watched by others; null if it has none.</summary>
    internal virtual ILoad? Load(LoadTools tools) => null;

    private protected static Dictionary<string, double> Figures(LoadOutcome outcome)
    {
        GroupOutcome first = outcome.Groups[0];
        var figures = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Metric.Rate.Key] = first.Rate,
            [Metric.Cpu.Key] = outcome.Usage.CpuMicroseconds / outcome.Requests,
            [Metric.User.Key] = outcome.Usage.UserMicroseconds / outcome.Requests,
            [Metric.System.Key] = outcome.Usage.SystemMicroseconds / outcome.Requests,
            [Metric.Switches.Key] = (double)outcome.Usage.Switches / outcome.Requests,
            [Metric.P50.Key] = first.P50,
            [Metric.P99.Key] = first.P99,
            [Metric.P999.Key] = first.P999,
        };
        if (first.SlowRate > 0)
        {
            figures[Metric.SlowRate.Key] = first.SlowRate;
            figures[Metric.SlowP99.Key] = first.SlowP99;
        }

        if (outcome.Groups.Count > 1)
        {
            figures[Metric.OthersRate.Key] = outcome.Groups[1].Rate;
            figures[Metric.OthersP99.Key] = outcome.Groups[1].P99;
        }

        return figures;
    }
}
