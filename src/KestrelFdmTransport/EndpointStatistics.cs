using System;
using System.Net;

namespace KestrelFdmTransport;

/// <summary>Figures of an endpoint since it was bound.</summary>
public sealed class EndpointStatistics
{
    /// <summary>Gets the address, with the port that a port of 0 became.</summary>
    public required EndPoint EndPoint { get; init; }

    /// <summary>Gets where the application code of its connections runs.</summary>
    public ApplicationScheduling Scheduling { get; init; }

    /// <summary>Gets the number of connections that the server has accepted.</summary>
    public long Accepts { get; init; }

    /// <summary>
    /// Gets the number of connections in the accept queue, which the server has not taken yet. At
    /// <see cref="FdmEndpointOptions.AcceptQueueLength"/> further clients wait in the kernel.
    /// </summary>
    public int Queued { get; init; }

    /// <summary>
    /// Gets whether the endpoint accepts connections. False once an event loop has been given up, which stops the host
    /// too.
    /// </summary>
    public bool IsAccepting { get; init; } = true;

    /// <summary>
    /// Gets how long ago accepting last paused because descriptors or memory ran out; null if it never did. A pause
    /// lasts a tenth of a second at most, and comes again as long as clients wait and the resource is short.
    /// </summary>
    public TimeSpan? TimeSinceAcceptPause { get; init; }
}
