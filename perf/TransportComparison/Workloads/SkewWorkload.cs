using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>
/// Of many connections those of one loop are busy and the others idle. Before that, in the same round, as many of each
/// loop.
/// </summary>
internal sealed class SkewWorkload(string name, string description, ClientGroup clients, int busy)
    : LocalityWorkload(name, description)
{
    internal override TimeSpan Overhead => TimeSpan.FromSeconds(4);

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        await WaitForQuietAsync(trial.Server, cancellation);
        (LoadOutcome balanced, _) =
            await WatchAsync(trial, clients with { Speakers = new ActiveClients(busy) }, cancellation);
        await WaitForQuietAsync(trial.Server, cancellation);
        (LoadOutcome skewed, LoopSamples loops) =
            await WatchAsync(trial, clients with { Speakers = new ActiveClients(busy, Loop: 0) }, cancellation);
        Dictionary<string, double> figures = Figures(skewed);
        figures[Metric.OfBalanced.Key] = skewed.Groups[0].Rate / balanced.Groups[0].Rate;
        figures[Metric.UtilizationDifference.Key] = loops.UtilizationDifference;
        figures[Metric.ActivityShare.Key] = loops.ActivityShare;
        figures[Metric.Moves.Key] = loops.Moves;
        figures[Metric.LateMoves.Key] = loops.LateMoves;
        return figures;
    }
}
