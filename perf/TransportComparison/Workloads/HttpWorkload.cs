using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>HTTP/1.1, all clients alike.</summary>
internal class HttpWorkload(string name, string description, Endpoint endpoint, ClientGroup clients)
    : Workload(name, description)
{
    /// <summary>Requests of the kind that is measured, after many plain ones.</summary>
    private static readonly TimeSpan s_lastWarmUp = TimeSpan.FromSeconds(1);

    internal sealed override string Tool(LoadTools tools) => Load(tools).Tool;

    internal override bool RunsOn(Candidate candidate)
        => !candidate.Native || (endpoint is Endpoint.Http or Endpoint.Raw && clients.Request.IsPlainOrComputes);

    internal override ILoad Load(LoadTools tools) => tools.Http(endpoint, clients);

    internal override async Task WarmUpAsync(Trial trial, CancellationToken cancellation)
    {
        // A handler that takes long makes too few requests for the JIT.
        var plain = new ClientGroup(Math.Min(64, clients.Connections), new Request(Close: clients.Request.Close))
        {
            Depth = clients.Depth
        };
        _ = await trial.Tools.Http(endpoint, plain).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
        if (clients.Request.Path is not "/")
        {
            _ = await Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, s_lastWarmUp, cancellation);
        }
    }

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
        => Figures(await Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation));
}
