using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport;

/// <summary>
/// What an application asks the transport about itself: whether it runs here, and its statistics. The container has one
/// after <c>AddFdmTransport</c> or <c>UseFdmTransport</c>. A test may register its own before or after.
/// </summary>
/// <remarks>
/// Any thread may use it, at any time. The statistics are read without stopping a loop. They may be a moment old, and
/// two of them may not fit together. A later version may add members.
/// </remarks>
public interface IFdmTransport
{
    /// <summary>
    /// Gets whether this transport can serve here. If not, the Sockets transport serves, and
    /// <see cref="InactiveReason"/> says why.
    /// </summary>
    bool IsActive { get; }

    /// <summary>Gets why this transport cannot serve here: what the system lacks or refuses. Null if it can.</summary>
    string? InactiveReason { get; }

    /// <summary>What each event loop has done so far.</summary>
    /// <returns>One entry per loop, in the order of their numbers; none while no loop runs.</returns>
    IReadOnlyList<EventLoopStatistics> GetLoopStatistics();

    /// <summary>What has come in on each endpoint so far.</summary>
    /// <returns>
    /// One entry per endpoint that is bound, in the order of binding; none for those that another transport serves.
    /// </returns>
    IReadOnlyList<EndpointStatistics> GetEndpointStatistics();

    /// <summary>The connections whose events come most often, those that the application has opened too.</summary>
    /// <remarks>
    /// It looks at every connection of the transport and costs about a millisecond per 20,000. It is for a person who
    /// looks, and not for a metric.
    /// </remarks>
    /// <param name="max">How many at most.</param>
    /// <returns>The busiest first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="max"/> is negative.</exception>
    IReadOnlyList<ConnectionStatistics> GetBusiestConnections(int max);

    /// <summary>
    /// Stops accepting on every endpoint, asks the accepted connections to end, and completes when they have ended.
    /// </summary>
    /// <remarks>
    /// HTTP/1.1 connections end with their next response, or at once if they are idle, and HTTP/2 connections when
    /// their streams have ended. None is asked in the first second, so that a client that has just connected gets an
    /// answer. WebSockets, and connections that no HTTP server has, end as the application decides. The listen sockets
    /// stay open until the endpoints are unbound: a process that shares them accepts the clients that wait there, and
    /// without one these are reset then. There is no way back to accepting.
    /// </remarks>
    /// <param name="cancellationToken">Ends the waiting. Accepting stays stopped.</param>
    /// <returns>A task that completes when the last connection has ended.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task DrainAsync(CancellationToken cancellationToken = default);

    /// <summary>The threads that take loops over and those that run callbacks which block.</summary>
    /// <returns>The figures of this moment.</returns>
    ThreadStatistics GetThreadStatistics();
}
