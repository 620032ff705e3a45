using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport;

/// <summary>
/// Opens connections that run on this transport's event loops, as the same kind of connection that a listener accepts.
/// </summary>
/// <remarks>
/// An application on <c>UseFdmTransport</c> gets one from its services, which shares the server's loops: a connection opened inside
/// a handler that runs on a loop lives on that same loop. Disposing the factory gives up its memory pools; end its
/// connections first.
/// </remarks>
public sealed class FdmConnectionFactory : IConnectionFactory, IDisposable, IAsyncDisposable
{
    private readonly FdmTransportFactory _transport;
    private readonly bool _ownsTransport;
    private readonly Lock _lock = new();
    private EventLoop[]? _loops;
    private BlockCache[] _blocks = [];
    private bool _disposed;

    /// <summary>Creates a factory on the loops of a transport, which stays its owner's.</summary>
    /// <param name="transport">The transport whose loops, options and memory pools are used.</param>
    public FdmConnectionFactory(FdmTransportFactory transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        _transport = transport;
    }

    /// <summary>Creates a factory with loops of its own, for a process without a server, or on the loops of a transport.</summary>
    /// <param name="options">The options of the loops of its own; they are validated. Those about listening have no effect.</param>
    /// <param name="loggerFactory">Where the log goes.</param>
    /// <param name="transport">
    /// The transport whose loops, options and log are used, and which stays its owner's; without one the factory has loops of its own.
    /// </param>
    /// <exception cref="OptionsValidationException">An option has a value that is not allowed.</exception>
    /// <remarks>The constructor for containers: it has all that the other one has, so that none has to choose.</remarks>
    [ActivatorUtilitiesConstructor]
    public FdmConnectionFactory(IOptions<FdmTransportOptions> options, ILoggerFactory loggerFactory, FdmTransportFactory? transport = null)
        : this(transport ?? new FdmTransportFactory(options, loggerFactory))
        => _ownsTransport = transport is null;

    /// <summary>Opens a connection.</summary>
    /// <param name="endpoint">
    /// An <see cref="IPEndPoint"/>, a <see cref="UnixDomainSocketEndPoint"/> or a <see cref="DnsEndPoint"/>, whose addresses are
    /// tried one after the other.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connection. Whoever asked for it disposes it.</returns>
    /// <exception cref="SocketException">
    /// The peer refuses, cannot be reached, or does not answer within <see cref="FdmTransportOptions.ConnectTimeout"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NotSupportedException">The endpoint is of another kind.</exception>
    /// <exception cref="PlatformNotSupportedException">The transport cannot run here.</exception>
    /// <exception cref="ObjectDisposedException">The factory or its transport has been disposed.</exception>
    public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        cancellationToken.ThrowIfCancellationRequested();
        return endpoint switch
        {
            IPEndPoint or UnixDomainSocketEndPoint => await ConnectOneAsync(endpoint, cancellationToken).ConfigureAwait(false),
            DnsEndPoint host => await ConnectHostAsync(host, cancellationToken).ConfigureAwait(false),
            _ => throw new NotSupportedException(
                $"Cannot connect to a {endpoint.GetType().Name}; supported are {nameof(IPEndPoint)}, {nameof(UnixDomainSocketEndPoint)} and {nameof(DnsEndPoint)}."),
        };
    }

    /// <summary>
    /// Opens a connection as a stream that ends with it, which is what <see cref="SocketsHttpHandler.ConnectCallback"/> wants:
    /// <c>ConnectCallback = (context, token) => factory.ConnectStreamAsync(context.DnsEndPoint, token)</c>.
    /// </summary>
    /// <param name="endpoint">As for <see cref="ConnectAsync"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The stream; its writes are sent at once. Disposing it ends the connection.</returns>
    /// <inheritdoc cref="ConnectAsync" path="/exception"/>
    public async ValueTask<Stream> ConnectStreamAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => new ConnectionStream(await ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false));

    /// <summary>Gives up the memory pools, and the loops if they are this factory's own.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        if (_ownsTransport)
        {
            _transport.Dispose();
        }

        BlockCaches.DisposePools(_blocks);
        if (_loops is not null)
        {
            _transport.ReleaseLoops();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    /// <returns>A task that completes when that is done.</returns>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    private async Task<ConnectionContext> ConnectHostAsync(DnsEndPoint host, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(host.Host, host.AddressFamily, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < addresses.Length; i++)
        {
            try
            {
                return await ConnectOneAsync(new IPEndPoint(addresses[i], host.Port), cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException) when (i < addresses.Length - 1)
            {
                // The next address may do better; the last one's error is the one to report.
            }
        }

        throw new SocketException((int)SocketError.HostNotFound);
    }

    private async Task<ConnectionContext> ConnectOneAsync(EndPoint target, CancellationToken cancellationToken)
    {
        EventLoop loop = EventLoopGroup.ForOutgoing(RunningLoops());
        var attempt = new ConnectAttempt(target, BlockCaches.Of(_blocks, loop), _transport.ClientSettings, _transport.TransportOptions) { Loop = loop };
        return await attempt.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    private EventLoop[] RunningLoops()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_loops is { } running)
            {
                return running;
            }

            if (TransportProbe.Unsupported is { } reason)
            {
                throw new PlatformNotSupportedException(reason);
            }

            EventLoop[] loops = _transport.AcquireLoops();
            try
            {
                _blocks = BlockCaches.Create(loops, _transport.CreateClientBlocks);
            }
            catch
            {
                _transport.ReleaseLoops();
                throw;
            }

            return _loops = loops;
        }
    }
}
