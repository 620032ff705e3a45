using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>How evenly loops accept connections that end after one request.</summary>
internal sealed class ShortConnectionsWorkload(string name, int clients) : LocalityWorkload(
    name,
    string.Create(
        CultureInfo.InvariantCulture,
        $"{clients} clients, a new connection for each request; the loops' accepts"))
{
    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        EventLoopStatistics[] before = await trial.Server.LoopsAsync(cancellation);
        LoadOutcome outcome = await new EpollLoad(Endpoint.Http, new ClientGroup(clients, new Request(Close: true)))
            .RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
        EventLoopStatistics[] after = await trial.Server.LoopsAsync(cancellation);
        Dictionary<string, long> earlier =
            before.ToDictionary(loop => loop.Name, loop => loop.Accepts, System.StringComparer.Ordinal);
        Dictionary<string, double> figures = Figures(outcome);
        figures[Metric.LoopShare.Key] = LoopSamples.Share(after, loop => loop.Accepts - earlier[loop.Name]);
        return figures;
    }
}
