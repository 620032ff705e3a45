using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace KestrelFdmTransport.Hosting;

/// <summary>Judges the transport by its statistics.</summary>
internal sealed class TransportHealthCheck(IFdmTransport transport) : IHealthCheck
{
    /// <summary>
    /// A pause lasts a tenth of a second at most, and a check would hardly ever meet it. Probes come every ten seconds
    /// mostly, so none misses one.
    /// </summary>
    private static readonly TimeSpan s_pauseMemory = TimeSpan.FromSeconds(10);

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<EventLoopStatistics> loops = transport.GetLoopStatistics();
        IReadOnlyList<EndpointStatistics> endpoints = transport.GetEndpointStatistics();
        ThreadStatistics threads = transport.GetThreadStatistics();
        Dictionary<string, object> data = Describe(loops, endpoints, threads);
        return Task.FromResult(
            FindFailure(loops, endpoints) is { } failure
                ? new HealthCheckResult(context.Registration.FailureStatus, failure, data: data)
                : FindShortage(endpoints, threads) is { } shortage ? HealthCheckResult.Degraded(shortage, data: data)
                : HealthCheckResult.Healthy(
                    transport.InactiveReason is { } reason ? $"Sockets serves: {reason}" : null, data));
    }

    private static string? FindFailure(
        IReadOnlyList<EventLoopStatistics> loops, IReadOnlyList<EndpointStatistics> endpoints)
    {
        foreach (EventLoopStatistics loop in loops)
        {
            switch (loop.State)
            {
                case EventLoopState.Failed:
                    return $"{loop.Name} has failed for good.";
                case EventLoopState.CannotBeWoken:
                    return $"{loop.Name} cannot be woken.";
                default:
                    break;
            }
        }

        foreach (EndpointStatistics endpoint in endpoints)
        {
            if (!endpoint.IsAccepting)
            {
                return $"{endpoint.EndPoint} accepts no connections.";
            }
        }

        return null;
    }

    private static string? FindShortage(IReadOnlyList<EndpointStatistics> endpoints, ThreadStatistics threads)
    {
        foreach (EndpointStatistics endpoint in endpoints)
        {
            if (endpoint.TimeSinceAcceptPause < s_pauseMemory)
            {
                return $"Accepting on {endpoint.EndPoint} has paused because descriptors or memory are short.";
            }
        }

        return threads.IsStandbyLimitReached
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{threads.StalledThreads} callbacks are stalled: no application code runs on the event loops.")
            : null;
    }

    private Dictionary<string, object> Describe(
        IReadOnlyList<EventLoopStatistics> loops,
        IReadOnlyList<EndpointStatistics> endpoints,
        ThreadStatistics threads)
    {
        int connections = 0;
        long acceptPauses = 0;
        double utilization = 0;
        foreach (EventLoopStatistics loop in loops)
        {
            connections += loop.Connections;
            acceptPauses += loop.AcceptPauses;
            utilization = Math.Max(utilization, loop.Utilization);
        }

        int queued = 0;
        foreach (EndpointStatistics endpoint in endpoints)
        {
            queued += endpoint.Queued;
        }

        return new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["active"] = transport.IsActive,
            ["loops"] = loops.Count,
            ["endpoints"] = endpoints.Count,
            ["connections"] = connections,
            ["acceptQueue"] = queued,
            ["acceptPauses"] = acceptPauses,
            ["maxUtilization"] = utilization,
            ["handoffs"] = threads.Handoffs,
            ["standbyThreads"] = threads.StandbyThreads,
            ["stalledThreads"] = threads.StalledThreads,
            ["blockingThreads"] = threads.BlockingThreads,
        };
    }
}
