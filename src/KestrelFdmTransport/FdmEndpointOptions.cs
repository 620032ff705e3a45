using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport;

/// <summary>Options that may differ by endpoint.</summary>
/// <remarks>
/// <see cref="FdmTransportOptions"/> has them for all endpoints. An endpoint sets its own by <c>UseFdm</c> on its
/// <c>ListenOptions</c> or in the configuration section <c>Kestrel:Endpoints:{name}:Fdm</c>, and has the transport's
/// values for the others. All are validated when the host starts.
/// </remarks>
public abstract class FdmEndpointOptions
{
    private protected FdmEndpointOptions()
    {
    }

    /// <summary>Gets or sets where application code runs.</summary>
    /// <remarks>
    /// Defaults to <see cref="ApplicationScheduling.Adaptive"/>. All endpoints share the event loops: as soon as one
    /// endpoint is adaptive, a callback of any other that holds its loop for too long loses it as well.
    /// </remarks>
    public ApplicationScheduling Scheduling { get; set; } = ApplicationScheduling.Adaptive;

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
    /// Gets or sets the maximum length of the kernel's queue of connections that wait to be accepted.
    /// </summary>
    /// <remarks>Connections. Defaults to 512; 0 or more. The kernel caps it at <c>net.core.somaxconn</c>.</remarks>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// Gets or sets how many accepted connections of an endpoint may wait for the server. At this number accepting
    /// pauses, and further clients wait in the kernel's queue (<see cref="Backlog"/>).
    /// </summary>
    /// <remarks>Connections. Defaults to 128; 1 to 1,000,000.</remarks>
    public int AcceptQueueLength { get; set; } = 128;

    /// <summary>
    /// Gets or sets whether TCP sends small segments at once (<c>TCP_NODELAY</c>). No effect on Unix sockets.
    /// </summary>
    /// <remarks>Defaults to <see langword="true"/>.</remarks>
    public bool NoDelay { get; set; } = true;

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
    /// Gets or sets the function that creates the listen socket of an endpoint: bound, and not listening yet.
    /// </summary>
    /// <remarks>
    /// Defaults to <see cref="FdmTransportOptions.CreateDefaultBoundListenSocket"/>. The transport disposes the socket.
    /// </remarks>
    public Func<EndPoint, Socket> CreateBoundListenSocket { get; set; }
        = FdmTransportOptions.CreateDefaultBoundListenSocket;
}
