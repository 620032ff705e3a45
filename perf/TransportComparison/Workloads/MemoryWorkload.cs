using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>What an idle connection that has asked once costs the process; the kernel's share is not in it.</summary>
internal sealed class MemoryWorkload(string name, Endpoint endpoint, int connections) : Workload(
    name,
    string.Create(
        CultureInfo.InvariantCulture,
        $"memory per idle connection, {(endpoint == Endpoint.Raw ? "connection handler" : "HTTP/1.1")}, {connections} "
            + $"connections"))
{
    private const int WarmUpConnections = 500;

    /// <summary>What the process held before may otherwise serve the connections.</summary>
    internal override bool FreshServer => true;

    internal override TimeSpan Overhead => TimeSpan.FromSeconds(1) + TimeSpan.FromMilliseconds(0.2 * connections);

    internal override string Tool(LoadTools tools) => "own generator";

    internal override bool RunsOn(Candidate candidate) => true;

    internal override async Task WarmUpAsync(Trial trial, CancellationToken cancellation)
    {
        using IdleConnections crowd =
            await IdleConnections.OpenAsync(trial.Server, endpoint, WarmUpConnections, cancellation: cancellation);
    }

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        (long managed, long resident) = await MemoryAsync(trial.Server, cancellation);
        using IdleConnections crowd =
            await IdleConnections.OpenAsync(trial.Server, endpoint, connections, cancellation: cancellation);
        (long managedAfter, long residentAfter) = await MemoryAsync(trial.Server, cancellation);
        var figures = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Metric.Resident.Key] = (double)(residentAfter - resident) / connections,
        };
        if (!trial.Server.Candidate.Native)
        {
            figures[Metric.Managed.Key] = (double)(managedAfter - managed) / connections;
        }

        return figures;
    }

    private static async Task<(long Managed, long Resident)> MemoryAsync(
        ServerProcess server,
        CancellationToken cancellation)
    {
        // The garbage collection goes before the look at what is resident.
        long managed = server.Candidate.Native ? 0 : await server.ManagedBytesAsync(cancellation);
        return (managed, server.ResidentBytes);
    }
}
