using System;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport;

/// <summary>
/// Opens connections that run on this transport's event loops, as the same kind of connection that a listener accepts.
/// </summary>
/// <remarks>
/// An application on <c>UseFdmTransport</c> gets one from its services, which shares the server's loops: a connection
/// opened inside a handler that runs on a loop lives on that same loop. Disposing the factory gives up its memory
/// pools; end its connections first.
/// </remarks>
public sealed class FdmConnectionFactory : IConnectionFactory, IDisposable, IAsyncDisposable
{
    private readonly FdmTransportFactory _transport;
    private readonly bool _ownsTransport;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new();
    private OutgoingLoops? _loops;
    private SocketsFallback? _sockets;
    private bool _disposed;

    /// <summary>Creates a factory on the loops of a transport, which stays its owner's.</summary>
    /// <param name="transport">The transport whose loops, options and memory pools are used.</param>
    public FdmConnectionFactory(FdmTransportFactory transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        _transport = transport;
    }

    /// <summary>
    /// Creates a factory with loops of its own, for a process without a server, or on the loops of a transport.
    /// </summary>
    /// <param name="options">The options of the loops of its own; they are validated. Those about listening have no
    /// effect.</param>
    /// <param name="loggerFactory">Where the log goes.</param>
    /// <param name="transport">
    /// The transport whose loops, options and log are used, and which stays its owner's; without one the factory has
    /// loops of its own.
    /// </param>
    /// <exception cref="OptionsValidationException">An option has a value that is not allowed.</exception>
    /// <remarks>
    /// The constructor for containers: it has all that the other one has, so that none has to choose.
    /// </remarks>
    [ActivatorUtilitiesConstructor]
    public FdmConnectionFactory(
        IOptions<FdmTransportOptions> options, ILoggerFactory loggerFactory, FdmTransportFactory? transport = null)
        : this(transport ?? new FdmTransportFactory(options, loggerFactory))
        => _ownsTransport = transport is null;

    /// <summary>Opens a connection.</summary>
    /// <param name="endpoint">
    /// An <see cref="IPEndPoint"/>, a <see cref="UnixDomainSocketEndPoint"/> or a <see cref="DnsEndPoint"/>, whose
    /// addresses are tried one after the other.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connection, which the caller disposes. Where the transport cannot run it is one of Kestrel's
    /// Sockets transport.</returns>
    /// <exception cref="SocketException">
    /// The peer refuses, cannot be reached, or does not answer within <see cref="FdmTransportOptions.ConnectTimeout"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NotSupportedException">The endpoint is of another kind.</exception>
    /// <exception cref="ObjectDisposedException">The factory or its transport has been disposed.</exception>
    public async ValueTask<ConnectionContext> ConnectAsync(
        EndPoint endpoint,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return Sockets() is { } sockets
            ? await ConnectAsync(endpoint, sockets.ConnectAsync, cancellationToken).ConfigureAwait(false)
            : await ConnectAsync(
                endpoint,
                (target, token) => ConnectOneAsync(target, isStream: false, token),
                cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Opens a connection as a stream that ends with it, which is what <see cref="SocketsHttpHandler.ConnectCallback"/>
    /// wants; <see cref="SocketsHttpHandlerFdmExtensions"/> sets it in one line.
    /// </summary>
    /// <param name="endpoint">As for <see cref="ConnectAsync"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>
    /// The stream, which behaves as a <see cref="NetworkStream"/> that owns its socket, and is one where the transport
    /// cannot run. Disposing it ends the connection, and what waits in it fails at once.
    /// </returns>
    /// <inheritdoc cref="ConnectAsync(EndPoint, CancellationToken)" path="/exception"/>
    public async ValueTask<Stream> ConnectStreamAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return Sockets() is { } sockets
            ? await ConnectAsync(endpoint, sockets.ConnectStreamAsync, cancellationToken).ConfigureAwait(false)
            : new ConnectionStream(await ConnectAsync(
                endpoint,
                (target, token) => ConnectOneAsync(target, isStream: true, token),
                cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Gets the connection behind a stream of <see cref="ConnectStreamAsync"/>, with its id, addresses and features
    /// such as <see cref="IFdmConnectionFeature"/>.
    /// </summary>
    /// <param name="stream">The stream, as it was returned.</param>
    /// <param name="connection">
    /// The connection. Its <see cref="ConnectionContext.Transport"/> is the stream's: do not read or write there.
    /// </param>
    /// <returns>False for any other stream, also for one of the plain sockets that are used where the transport cannot
    /// run.</returns>
    public static bool TryGetConnection(Stream stream, [NotNullWhen(true)] out ConnectionContext? connection)
    {
        ArgumentNullException.ThrowIfNull(stream);
        connection = (stream as ConnectionStream)?.Connection;
        return connection is not null;
    }

    /// <summary>Gives up the memory pools, and the loops if they are this factory's own.</summary>
    public void Dispose()
    {
        using (_lock.Hold())
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        // An attempt that is under way fails; one that succeeds at this moment finds out by itself.
        _closing.Cancel();
        if (_ownsTransport)
        {
            _transport.Dispose();
        }

        _sockets?.Dispose();
        if (_loops is { } taken)
        {
            Release(taken);
        }
    }

    /// <inheritdoc cref="Dispose"/>
    /// <returns>A task that completes when that is done.</returns>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    /// <summary>Connects to the endpoint, or to the addresses of a host one after the other.</summary>
    private static async Task<T> ConnectAsync<T>(
        EndPoint endpoint, Func<EndPoint, CancellationToken, Task<T>> connect, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (endpoint is not DnsEndPoint host)
        {
            return endpoint is IPEndPoint or UnixDomainSocketEndPoint
                ? await connect(endpoint, cancellationToken).ConfigureAwait(false)
                : throw new NotSupportedException(
                    $"Cannot connect to a {endpoint.GetType().Name}; supported are {nameof(IPEndPoint)}, "
                        + $"{nameof(UnixDomainSocketEndPoint)} and {nameof(DnsEndPoint)}.");
        }

        IPAddress[] addresses = await Dns.GetHostAddressesAsync(host.Host, host.AddressFamily, cancellationToken)
            .ConfigureAwait(false);
        for (int i = 0; i < addresses.Length; i++)
        {
            try
            {
                return await connect(new IPEndPoint(addresses[i], host.Port), cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException) when (i < addresses.Length - 1)
            {
                // The next address may do better; the last one's error is the one to report.
            }
        }

        throw new SocketException((int)SocketError.HostNotFound);
    }

    private async Task<FdmConnection> ConnectOneAsync(
        EndPoint target, bool isStream, CancellationToken cancellationToken)
    {
        OutgoingLoops outgoing = RunningLoops();
        EventLoop loop = EventLoopGroup.SelectForOutgoing(outgoing.Loops);
        EndpointBuffers buffers = isStream ? outgoing.StreamBuffers : outgoing.Buffers;
        ConnectionSettings settings = isStream ? _transport.StreamSettings : _transport.ClientSettings;
        var attempt = new Connector(target, buffers, settings, _transport.TransportOptions) { Loop = loop };
        using CancellationTokenRegistration closing = _closing.Token.UnsafeRegister(
            static attempt => ((Connector)attempt!).Fail(Disposed()), attempt);
        FdmConnection connection = await attempt.RunAsync(cancellationToken).ConfigureAwait(false);
        if (_closing.IsCancellationRequested)
        {
            connection.Abort();
            _ = connection.DisposeAsync().AsTask();
            throw Disposed();
        }

        return connection;
    }

    private static ObjectDisposedException Disposed() => new(nameof(FdmConnectionFactory));

    /// <summary>What to connect with instead of the loops where they cannot run; otherwise null.</summary>
    private SocketsFallback? Sockets()
    {
        if (_transport.InactiveReason is not { } reason)
        {
            return null;
        }

        // The logger factory is user code, and so not for the lock.
        ILogger logger = _transport.ClientSettings.Logger;
        using (_lock.Hold())
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_sockets is { } sockets)
            {
                return sockets;
            }

            _sockets = new SocketsFallback(_transport.TransportOptions, logger);
        }

        Log.ConnectingBySockets(logger, reason);
        return _sockets;
    }

    private OutgoingLoops RunningLoops()
    {
        using (_lock.Hold())
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_loops is { } running)
            {
                return running;
            }
        }

        // The memory pool factory is user code, and so not for the lock. Of two callers that get here one gives up what
        // it has made.
        OutgoingLoops made = AcquireLoops();
        OutgoingLoops? used;
        using (_lock.Hold())
        {
            used = _disposed ? null : _loops ??= made;
        }

        if (!ReferenceEquals(used, made))
        {
            Release(made);
        }

        return used ?? throw Disposed();
    }

    private OutgoingLoops AcquireLoops()
    {
        EventLoop[] loops = _transport.AcquireLoops();
        try
        {
            // In this order: the shared pool need not be given up if the other one cannot be made.
            EndpointBuffers streamBuffers = _transport.CreateStreamBuffers();
            return new OutgoingLoops(loops, _transport.CreateClientBuffers(), streamBuffers);
        }
        catch
        {
            _transport.ReleaseLoops();
            throw;
        }
    }

    private void Release(OutgoingLoops loops)
    {
        loops.Buffers.DisposePool();
        _transport.ReleaseLoops();
    }
}
