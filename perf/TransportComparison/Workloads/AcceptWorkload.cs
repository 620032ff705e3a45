using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>
/// How evenly loops share connections that stay, by how they come; and the heat of those that then are busy among them.
/// </summary>
internal sealed class AcceptWorkload(string name, string how, int connections, int atOnce) : LocalityWorkload(
    name,
    string.Create(CultureInfo.InvariantCulture, $"{connections} connections that stay, {how}; then {Busy} busy ones"))
{
    private const int Busy = 64;

    internal override TimeSpan Overhead => TimeSpan.FromSeconds(1) + TimeSpan.FromMilliseconds(0.3 * connections);

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        await WaitForQuietAsync(trial.Server, cancellation);
        using IdleConnections crowd =
            await IdleConnections.OpenAsync(trial.Server, Endpoint.Http, connections, atOnce, cancellation);
        EventLoopStatistics[] loops = await trial.Server.LoopsAsync(cancellation);
        (LoadOutcome outcome, LoopSamples busy) =
            await WatchAsync(trial, new ClientGroup(Busy, new Request()), cancellation);
        Dictionary<string, double> figures = Figures(outcome);
        figures[Metric.LoopShare.Key] = LoopSamples.Share(loops, loop => loop.Connections);
        figures[Metric.ActivityShare.Key] = busy.ActivityShare;
        return figures;
    }
}
