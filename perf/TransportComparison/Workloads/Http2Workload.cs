using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>HTTP/2 without TLS, several streams per connection.</summary>
internal sealed class Http2Workload(int connections, int streams) : Workload(
    string.Create(CultureInfo.InvariantCulture, $"http2-{connections}x{streams}"),
    string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP/2 without TLS, {connections} connections with {streams} streams each"))
{
    /// <summary>h2load runs twice.</summary>
    internal override TimeSpan Overhead => base.Overhead + TimeSpan.FromSeconds(1);

    internal override string Tool(LoadTools tools) => Load(tools).Tool;

    internal override bool RunsOn(Candidate candidate) => !candidate.Native;

    internal override ILoad Load(LoadTools tools) => tools.Http2(connections, streams);

    internal override Task WarmUpAsync(Trial trial, CancellationToken cancellation) => RunAsync(trial, cancellation);

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
        => Figures(await RunAsync(trial, cancellation));

    private Task<LoadOutcome> RunAsync(Trial trial, CancellationToken cancellation)
        => Load(trial.Tools).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
}
