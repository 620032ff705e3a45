using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace KestrelFdmTransport;

/// <summary>Options of the FDM transport. All are validated when the host starts.</summary>
/// <remarks>
/// Values are taken, later ones winning, from <c>SocketTransportOptions</c> where an application has set them there,
/// from the configuration section <c>Kestrel:FdmTransport</c>, and from <c>services.Configure</c> or the delegate of
/// <c>UseFdmTransport</c>. Each of <see cref="FdmEndpointOptions"/> may be another for an endpoint.
/// </remarks>
public sealed class FdmTransportOptions : FdmEndpointOptions
{
    /// <summary>
    /// Gets or sets the number of event loops, each with a thread of its own. They are shared by all endpoints.
    /// </summary>
    /// <remarks>Defaults to the number of CPUs that the process may use; 1 to 1024.</remarks>
    public int LoopCount { get; set; } = Math.Min(Environment.ProcessorCount, OptionsTable.MaxLoopCount);

    /// <summary>
    /// Gets or sets how long a loop polls before it sleeps, while it has a connection that has been answering within
    /// microseconds. No loop spins otherwise.
    /// </summary>
    /// <remarks>Defaults to 50 µs; zero means never, at most 1 ms.</remarks>
    public TimeSpan SpinDuration { get; set; } = TimeSpan.FromMicroseconds(50);

    /// <summary>
    /// Gets or sets how long a callback may hold its event loop under <see cref="ApplicationScheduling.Adaptive"/>
    /// before another thread takes the loop over. Sampled every two milliseconds.
    /// </summary>
    /// <remarks>Defaults to 2 ms; 0 (take over every callback that a sample finds, for tests) to 1 minute.</remarks>
    public TimeSpan StallThreshold { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>
    /// Gets or sets how many callbacks may be stalled at once under <see cref="ApplicationScheduling.Adaptive"/>, each
    /// with a thread that had to be replaced, before application code no longer runs on event loops at all.
    /// </summary>
    /// <remarks>Threads. Defaults to 64; 0 (never on event loops) to 1024.</remarks>
    public int MaxStandbyThreads { get; set; } = 64;

    /// <summary>
    /// Gets or sets how many threads may run the callbacks of connections that have been found to block, under
    /// <see cref="ApplicationScheduling.Adaptive"/>. Beyond it the thread pool runs them.
    /// </summary>
    /// <remarks>Threads. Defaults to 256; 0 (leave them to the thread pool) to 4096.</remarks>
    public int MaxBlockingThreads { get; set; } = 256;

    /// <summary>Gets or sets how long <see cref="FdmConnectionFactory"/> tries to connect to one address.</summary>
    /// <remarks>
    /// Defaults to <see cref="Timeout.InfiniteTimeSpan"/>: the kernel decides, which takes about two minutes for a host
    /// that does not answer. More than zero and up to 24 days otherwise.
    /// </remarks>
    public TimeSpan ConnectTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// For tests of <c>Adaptive</c>: slow callbacks stay on the loop, so that it is taken over again and again.
    /// </summary>
    internal bool DisableCostTracking { get; set; }

    /// <summary>
    /// Gets or sets whether an overloaded loop dispatches connections by how often their events come, so that active
    /// ones stay fast. Without it connections are dispatched in the order of arrival.
    /// </summary>
    /// <remarks>
    /// Defaults to <see langword="true"/>. docs/design/fdm.md has the idea, which is Liu and Chen's (IEE Proc. Software
    /// 151(3), 2004).
    /// </remarks>
    public bool PollingSets { get; set; } = true;

    /// <summary>
    /// Gets or sets the think time below which a connection counts as hot: from the end of one request to the arrival
    /// of the next.
    /// </summary>
    /// <remarks>
    /// Defaults to 5 ms; more than 0, at most <see cref="WarmGap"/>. If fewer than one gap in fifty is that short, the
    /// loop doubles both times until enough gaps are, and then once more. So a long round trip does not make every
    /// connection cold.
    /// </remarks>
    public TimeSpan HotGap { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Gets or sets the think time below which a connection counts as warm; beyond it is cold.</summary>
    /// <remarks>Defaults to 250 ms; <see cref="HotGap"/> to 1 minute.</remarks>
    public TimeSpan WarmGap { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Gets or sets whether some of the busiest connections of a loop migrate to a loop with much less work, between
    /// two requests.
    /// </summary>
    /// <remarks>
    /// Defaults to <see langword="true"/>. New connections go to the least busy loop in any case, except under
    /// <see cref="FdmEndpointOptions.ReusePort"/>.
    /// </remarks>
    public bool RebalanceConnections { get; set; } = true;

    /// <summary>Creates a bound listen socket as the Sockets transport does.</summary>
    /// <param name="endpoint">
    /// An <see cref="IPEndPoint"/>, a <see cref="UnixDomainSocketEndPoint"/> or a <see cref="FileHandleEndPoint"/>. A
    /// socket for <see cref="IPAddress.IPv6Any"/> accepts IPv4 as well; the descriptor of a file handle stays its
    /// owner's.
    /// </param>
    /// <returns>The socket, bound and not listening.</returns>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    public static Socket CreateDefaultBoundListenSocket(EndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
    }

    /// <summary>A copy, for an endpoint that has options of its own.</summary>
    internal FdmTransportOptions Copy() => (FdmTransportOptions)MemberwiseClone();
}
