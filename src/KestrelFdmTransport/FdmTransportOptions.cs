using System;
using System.IO;
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
/// <c>UseFdmTransport</c>.
/// </remarks>
public sealed class FdmTransportOptions
{
    /// <summary>
    /// Gets or sets the maximum length of the kernel's queue of connections that wait to be accepted.
    /// </summary>
    /// <remarks>Connections. Defaults to 512; 0 or more. The kernel caps it at <c>net.core.somaxconn</c>.</remarks>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// Gets or sets whether TCP sends small segments at once (<c>TCP_NODELAY</c>). No effect on Unix sockets.
    /// </summary>
    /// <remarks>Defaults to <see langword="true"/>.</remarks>
    public bool NoDelay { get; set; } = true;

    /// <summary>
    /// Gets or sets how many received bytes may wait unexamined by the application before receiving pauses.
    /// </summary>
    /// <remarks>
    /// Bytes. Defaults to 1 MiB. <see langword="null"/> or 0 means no limit. Receiving resumes below half.
    /// </remarks>
    public long? MaxReadBufferSize { get; set; } = 1024 * 1024;

    /// <summary>Gets or sets how many bytes may wait unsent before a flush becomes pending.</summary>
    /// <remarks>
    /// Bytes. Defaults to 64 KiB. <see langword="null"/> or 0 means no limit. The flush completes below half.
    /// </remarks>
    public long? MaxWriteBufferSize { get; set; } = 64 * 1024;

    /// <summary>
    /// Gets or sets the function that creates the listen socket of an endpoint: bound, and not listening yet.
    /// </summary>
    /// <remarks>Defaults to <see cref="CreateDefaultBoundListenSocket"/>. The transport disposes the socket.</remarks>
    public Func<EndPoint, Socket> CreateBoundListenSocket { get; set; } = CreateDefaultBoundListenSocket;

    /// <summary>
    /// Gets or sets the number of event loops, each with a thread of its own. They are shared by all endpoints.
    /// </summary>
    /// <remarks>Defaults to the number of CPUs that the process may use; 1 to 1024.</remarks>
    public int LoopCount { get; set; } = Math.Min(Environment.ProcessorCount, FdmTransportLimits.LoopCountMax);

    /// <summary>Gets or sets where application code runs.</summary>
    /// <remarks>Defaults to <see cref="ApplicationScheduling.Adaptive"/>.</remarks>
    public ApplicationScheduling Scheduling { get; set; } = ApplicationScheduling.Adaptive;

    /// <summary>
    /// Gets or sets how long a loop polls before it sleeps, while it has a connection that has been answering within
    /// microseconds. No loop spins otherwise.
    /// </summary>
    /// <remarks>Defaults to 50 µs; zero means never, at most 1 ms.</remarks>
    public TimeSpan SpinDuration { get; set; } = TimeSpan.FromMicroseconds(50);

    /// <summary>
    /// Gets or sets how many accepted connections of an endpoint may wait for the server. At this number accepting
    /// pauses, and further clients wait in the kernel's queue (<see cref="Backlog"/>).
    /// </summary>
    /// <remarks>Connections. Defaults to 128; 1 to 1,000,000.</remarks>
    public int AcceptQueueLength { get; set; } = 128;

    /// <summary>
    /// Gets or sets how long a callback may hold its event loop under <see cref="ApplicationScheduling.Adaptive"/>
    /// before another thread takes the loop over. Sampled every one to four milliseconds.
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
    /// Gets or sets after how long without a byte received or sent an accepted connection is aborted: its reader throws
    /// a <see cref="ConnectionAbortedException"/> with a <see cref="TimeoutException"/> inside, and its peer sees a
    /// reset, as after <see cref="ConnectionContext.Abort(ConnectionAbortedException)"/>.
    /// </summary>
    /// <remarks>
    /// Defaults to <see cref="Timeout.InfiniteTimeSpan"/>: never; otherwise 100 ms to 24 days. It comes at most some
    /// tenths of a second late. It does not know of requests: one that is being worked on, with no byte moving, is
    /// idle. It does not pass while bytes of the client wait for the application to read.
    /// <see cref="IFdmConnectionFeature.IdleTimeout"/> sets it for one connection.
    /// </remarks>
    public TimeSpan IdleTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// Gets or sets whether every event loop has a listen socket of its own for each IP endpoint (<c>SO_REUSEPORT</c>),
    /// among which the kernel distributes connections, rather than one that all share.
    /// </summary>
    /// <remarks>
    /// Defaults to <see langword="false"/>. No effect on Unix sockets and file handles. Any process of the same user
    /// may then bind the same address without an error. When one of these sockets is closed, the connections in its
    /// kernel queue are lost, even if others still listen. A <see cref="CreateBoundListenSocket"/> of the application's
    /// own is called once per loop and must set <c>SO_REUSEPORT</c>; binding fails otherwise.
    /// </remarks>
    public bool ReusePort { get; set; }

    /// <summary>
    /// Gets or sets the permissions of the files that Unix sockets are bound to. Connecting needs the one to write.
    /// </summary>
    /// <remarks>
    /// Defaults to <see langword="null"/>: what the process's umask leaves. It is set before the socket listens, so
    /// that the file is never open to more. No effect on abstract sockets and file handles. Binding fails if it cannot
    /// be set.
    /// </remarks>
    public UnixFileMode? UnixSocketFileMode { get; set; }

    /// <summary>
    /// Gets or sets whether binding replaces a Unix socket's file that no process listens on, as a killed process
    /// leaves it. A file with a listener, and any other kind of file, stays: the address is in use.
    /// </summary>
    /// <remarks>
    /// Defaults to <see langword="true"/>. <see langword="false"/> fails as the Sockets transport does.
    /// </remarks>
    public bool ReplaceStaleUnixSocket { get; set; } = true;

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
    /// <see cref="ReusePort"/>.
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
}
