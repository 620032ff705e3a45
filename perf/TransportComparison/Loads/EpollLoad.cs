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
    public string Tool => "own generator";

    public Task<LoadOutcome> RunAsync(ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation)
        => Task.Factory.StartNew(
            () =>
            {
                using var run = new EpollRun(server, endpoint, [.. groups.Select(group => new LoadGroup(group))]);
                return run.Run(duration, cancellation);
            },
            cancellation,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
}
