using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>HTTP/2, one or several streams per connection.</summary>
internal sealed class Http2Workload(
    string kind, string description, Endpoint endpoint, int connections, int streams, Request request) : Workload(
    string.Create(CultureInfo.InvariantCulture, $"{kind}-{connections}x{streams}"),
    string.Create(
        CultureInfo.InvariantCulture,
        $"{description}, {connections} connections with {streams} stream{(streams == 1 ? "" : "s")} each"))
{
    /// <summary>h2load runs twice.</summary>
    internal override TimeSpan Overhead => base.Overhead + TimeSpan.FromSeconds(1);

    internal override string Tool(LoadTools tools) => Load(tools).Tool;

    internal override bool RunsOn(Candidate candidate) => !candidate.Native;

    internal override ILoad Load(LoadTools tools) => tools.Http2(endpoint, connections, streams, request);

    internal override Task WarmUpAsync(Trial trial, CancellationToken cancellation) => RunAsync(trial, cancellation);

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
        => Figures(await RunAsync(trial, cancellation));

    private Task<LoadOutcome> RunAsync(Trial trial, CancellationToken cancellation)
        => Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
}
