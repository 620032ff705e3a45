using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Makes requests for a while.</summary>
internal interface ILoad
{
    /// <summary>The name of what makes them.</summary>
    string Tool { get; }

    /// <summary>
    /// Throws <see cref="ServerException"/> at any error: a socket's, an answer other than 2xx, none at all.
    /// </summary>
    Task<LoadOutcome> RunAsync(ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation);
}
