using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Plain HTTP/1.1 by groups of clients that may differ, on one thread.</summary>
internal sealed class EpollLoad(Endpoint endpoint, params IReadOnlyList<ClientGroup> groups) : ILoad
{
    /// <summary>What changes in the server meanwhile, if anything does.</summary>
    internal AlternatingRun? Alternation { get; init; }

    public string Tool => "own generator";

    public async Task<LoadOutcome> RunAsync(
        ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task alternation = Alternation?.RunAsync(server, over.Token) ?? Task.CompletedTask;
        try
        {
            return await Task.Factory.StartNew(
                () => Run(server, duration, cancellation),
                cancellation,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        }
        finally
        {
            await over.CancelAsync();
            await alternation;
        }
    }

    private LoadOutcome Run(ServerProcess server, TimeSpan duration, CancellationToken cancellation)
    {
        using var run = new EpollRun(
            server, endpoint, [.. groups.Select((group, index) => new LoadGroup(group, index))], Alternation);
        return run.Run(duration, cancellation);
    }
}
