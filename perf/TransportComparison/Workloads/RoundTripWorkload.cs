using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>In which polling sets two kinds of clients end up. They ask for /tally/0 and /tally/1.</summary>
internal sealed class RoundTripWorkload(string name, string description, ClientGroup first, ClientGroup second)
    : LocalityWorkload(name, description)
{
    /// <summary>Until connections that speak every other second have found their set.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(8);

    internal override TimeSpan Overhead => base.Overhead + s_settle;

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        Task<LoadOutcome> running = new EpollLoad(Endpoint.Http, first, second)
            .RunAsync(trial.Server, trial.Cpus, s_settle + trial.Duration, cancellation);
        await Task.WhenAny(running, Task.Delay(s_settle, cancellation));
        _ = await trial.Server.SetTallyAsync(cancellation);
        LoadOutcome outcome = await running;
        long[] tally = await trial.Server.SetTallyAsync(cancellation);
        Dictionary<string, double> figures = Figures(outcome);
        Add(figures, Metric.Sets, tally.AsSpan(0, 3));
        Add(figures, Metric.OthersSets, tally.AsSpan(3, 3));
        return figures;
    }

    private static void Add(Dictionary<string, double> figures, IReadOnlyList<Metric> sets, ReadOnlySpan<long> counts)
    {
        double sum = Math.Max(1, counts[0] + counts[1] + counts[2]);
        for (int i = 0; i < counts.Length; i++)
        {
            figures[sets[i].Key] = 100 * counts[i] / sum;
        }
    }
}
