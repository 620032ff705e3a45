using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>
/// Clients that differ. The figures are those of the first group; the C server knows how to compute, not how to sleep.
/// </summary>
internal sealed class MixWorkload(string name, string description, params IReadOnlyList<ClientGroup> groups)
    : Workload(name, description)
{
    private const int WarmUpConnections = 64;

    internal override string Tool(LoadTools tools) => Load(tools).Tool;

    internal override bool RunsOn(Candidate candidate) => !candidate.Native
    || groups.All(group => group.Request.IsPlainOrComputes && group.SlowRequest?.IsPlainOrComputes != false);

    internal override ILoad Load(LoadTools tools) => new EpollLoad(Endpoint.Http, groups);

    internal override async Task WarmUpAsync(Trial trial, CancellationToken cancellation)
    {
        // A handler that takes long makes too few requests for the JIT.
        var plain = new EpollLoad(Endpoint.Http, new ClientGroup(WarmUpConnections, new Request()));
        _ = await plain.RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
        _ = await Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, TimeSpan.FromSeconds(1), cancellation);
    }

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
        => Figures(await Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation));
}
