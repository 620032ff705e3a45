using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>A question to the event loops, which are watched under load; so it is for this transport only.</summary>
internal abstract class LocalityWorkload(string name, string description) : Workload(name, description)
{
    private const int WarmUpConnections = 64;

    /// <summary>The asking client has a connection with activity of its own, and so did the one before it.</summary>
    private const int AskersWeight = 16;

    private static readonly TimeSpan s_betweenSamples = TimeSpan.FromMilliseconds(200);

    internal sealed override string Tool(LoadTools tools) => "own generator";

    internal sealed override bool RunsOn(Candidate candidate) => candidate.HasLoops;

    internal sealed override Task WarmUpAsync(Trial trial, CancellationToken cancellation)
        => new EpollLoad(Endpoint.Http, new ClientGroup(WarmUpConnections, new Request()))
            .RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);

    /// <summary>
    /// Connections of a load before have ended, and their heat, by which new ones are dealt out, is forgotten.
    /// </summary>
    private protected static async Task WaitForQuietAsync(ServerProcess server, CancellationToken cancellation)
    {
        while ((await server.LoopsAsync(cancellation)).Sum(loop => loop.Connections + loop.Activity) > AskersWeight)
        {
            await Task.Delay(s_betweenSamples, cancellation);
        }
    }

    /// <summary>Looks at the loops now and then until the load ends.</summary>
    private protected static async Task<(LoadOutcome Outcome, LoopSamples Loops)> WatchAsync(
        Trial trial, ClientGroup clients, CancellationToken cancellation)
    {
        Task<LoadOutcome> running =
            new EpollLoad(Endpoint.Http, clients).RunAsync(trial.Server, trial.Cpus, trial.Duration, cancellation);
        var samples = new List<EventLoopStatistics[]>();
        while (!running.IsCompleted)
        {
            samples.Add(await trial.Server.LoopsAsync(cancellation));
            await Task.WhenAny(running, Task.Delay(s_betweenSamples, cancellation));
        }

        return (await running, new LoopSamples(samples));
    }
}
