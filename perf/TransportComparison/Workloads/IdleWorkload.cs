using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>Few active connections among many silent ones.</summary>
internal sealed class IdleWorkload(int active, int idle) : HttpWorkload(
    "idle",
    string.Create(CultureInfo.InvariantCulture, $"{active} connections, and {idle} idle ones"),
    Endpoint.Http,
    new ClientGroup(active, new Request()))
{
    internal override TimeSpan Overhead => base.Overhead + TimeSpan.FromMilliseconds(0.15 * idle);

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        using IdleConnections crowd =
            await IdleConnections.OpenAsync(trial.Server, Endpoint.Http, idle, cancellation: cancellation);
        return await base.MeasureAsync(trial, cancellation);
    }
}
