using System;
using System.Buffers;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport;

/// <summary>
/// Creates listeners that run on this transport's event loops. One factory has one set of loops, shared by all its
/// endpoints; they start with the first bind or outgoing connection, and end with the factory, or when they have had
/// neither endpoints nor connections for some ten seconds.
/// </summary>
public sealed partial class FdmTransportFactory
    : IFdmTransport, IConnectionListenerFactory, IConnectionListenerFactorySelector, IDisposable, IAsyncDisposable
{
    private const string PoolOwner = "kestrel";
    private const string ClientPoolOwner = "fdm-client";

    private readonly FdmTransportOptions _options;
    private readonly ILogger _logger;
    private readonly IMemoryPoolFactory<byte>? _poolFactory;
    private readonly ConnectionSettings _settings;
    private readonly Lazy<ConnectionSettings> _clientSettings;
    private readonly Lazy<ConnectionSettings> _streamSettings;
    private readonly EventLoopGroup _loops;
    private readonly BoundListeners _listeners = new();
    private readonly TransportMetrics _metrics;
    private int _disposed;

    /// <summary>Creates a factory.</summary>
    /// <param name="options">The options; they are validated.</param>
    /// <param name="loggerFactory">Where the transport's log goes.</param>
    /// <param name="memoryPoolFactory">
    /// Makes one pool per endpoint, which is disposed with its endpoint. Without one, memory comes from
    /// <see cref="MemoryPool{T}.Shared"/>.
    /// </param>
    /// <exception cref="OptionsValidationException">An option has a value that is not allowed.</exception>
    /// <remarks>The only constructor, so that no container has to choose.</remarks>
    public FdmTransportFactory(
        IOptions<FdmTransportOptions> options,
        ILoggerFactory loggerFactory,
        IMemoryPoolFactory<byte>? memoryPoolFactory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        _options = options.Value;
        FdmTransportOptionsValidator.ThrowIfInvalid(_options);
        _logger = new NonThrowingLogger(loggerFactory.CreateLogger(FdmTransportDiagnostics.TransportLogCategory));
        _poolFactory = memoryPoolFactory;
        _settings = TransportSettings.ForConnections(_options, _logger);
        _clientSettings = new Lazy<ConnectionSettings>(
            () => _settings with
            {
                Endpoint = new EndpointProfile(_settings.Endpoint.Scheduling),
                IdleTimeout = 0,
                Logger = new NonThrowingLogger(
                loggerFactory.CreateLogger(FdmTransportDiagnostics.ClientLogCategory))
            },
            LazyThreadSafetyMode.PublicationOnly); // If the log throws, it is asked again the next time.
        _streamSettings =
            new Lazy<ConnectionSettings>(() => ClientSettings.ForStream(), LazyThreadSafetyMode.PublicationOnly);
        _loops = new EventLoopGroup(TransportSettings.ForLoops(_options), _logger);
        _loops.LoopFailed += OnLoopFailed;
        _metrics = new TransportMetrics(GetLoopStatistics, GetEndpointStatistics, GetThreadStatistics);
    }

    /// <inheritdoc/>
    public bool IsActive => InactiveReason is null;

    /// <inheritdoc/>
    public string? InactiveReason => Probe();

    /// <summary>Returns why the transport cannot serve here, or null.</summary>
    internal Func<string?> Probe { get; init; } = static () => PlatformSupport.UnsupportedReason;

    /// <summary>Stops the host. Called on a thread of the pool when a loop has been given up.</summary>
    internal Action? StopHost { get; set; }

    /// <summary>The options of Kestrel's endpoints that have any of their own; null without Kestrel.</summary>
    internal OptionsByEndpoint? OptionsByEndpoint { get; set; }

    /// <summary>Distinguishes this transport from others of the process, in metrics and in the log.</summary>
    internal int Number => _metrics.Number;

    internal FdmTransportOptions TransportOptions => _options;

    /// <summary>What connections that this process opens share.</summary>
    internal ConnectionSettings ClientSettings => _clientSettings.Value;

    /// <summary>The same for those that it has as streams.</summary>
    internal ConnectionSettings StreamSettings => _streamSettings.Value;

    /// <summary>
    /// Gets whether this transport serves the endpoint. The Sockets transport serves what it declines.
    /// </summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>True for IP, Unix socket and file handle endpoints on a Linux that has and allows what the transport
    /// needs.</returns>
    public bool CanBind(EndPoint endpoint)
    {
        if (!ListenSocketFactory.Supports(endpoint))
        {
            return false;
        }

        if (InactiveReason is { } reason)
        {
            Log.ServedBySockets(_logger, endpoint, reason);
            return false;
        }

        return true;
    }

    /// <summary>Binds an endpoint and starts to accept.</summary>
    /// <param name="endpoint">An IP, Unix socket or file handle endpoint.</param>
    /// <param name="cancellationToken">Not used: binding does not wait.</param>
    /// <returns>The listener; its <see cref="IConnectionListener.EndPoint"/> shows the port that a port of 0
    /// became.</returns>
    /// <exception cref="AddressInUseException">Another socket is bound to the address.</exception>
    /// <exception cref="SocketException">The address cannot be bound, or there is no descriptor for the
    /// loops.</exception>
    /// <exception cref="InvalidOperationException">The endpoint's section of the configuration cannot be
    /// read.</exception>
    /// <exception cref="OptionsValidationException">A value in that section is not allowed.</exception>
    /// <exception cref="ObjectDisposedException">The factory has been disposed.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        FdmTransportOptions options = OptionsByEndpoint?.Take(endpoint) ?? _options;
        ListenSocket[] sockets = ListenSocketFactory.Listen(endpoint, options);
        FdmConnectionListener listener;
        try
        {
            EventLoop[] running = _loops.AddUser();
            try
            {
                listener = CreateListener(sockets, running, endpoint, options);
                _listeners.Add(listener);
            }
            catch
            {
                _loops.RemoveUser();
                throw;
            }
        }
        catch
        {
            ListenSocketFactory.Dispose(sockets);
            throw;
        }

        Log.ServedByFdm(_logger, listener.EndPoint, options.LoopCount, options.Scheduling.ToString(), Number);
        return new(listener);
    }

    /// <inheritdoc/>
    public IReadOnlyList<EventLoopStatistics> GetLoopStatistics()
        => Array.ConvertAll(_loops.Loops, static loop => StatisticsReader.Read(loop));

    /// <inheritdoc/>
    public IReadOnlyList<EndpointStatistics> GetEndpointStatistics() => _listeners.ReadStatistics();

    /// <inheritdoc/>
    public IReadOnlyList<ConnectionStatistics> GetBusiestConnections(int max)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(max);
        return BusiestConnections.Read(_loops.Loops, max);
    }

    /// <inheritdoc/>
    public Task DrainAsync(CancellationToken cancellationToken = default)
        => EndpointDrain.RunAsync(_listeners.ToArray(), _loops, cancellationToken);

    /// <inheritdoc/>
    public ThreadStatistics GetThreadStatistics() => StatisticsReader.Read(_loops);

    /// <summary>Stops the event loops. Connections that are still open are aborted.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            try
            {
                // This calls the listeners of the meter, which are user code and may throw.
                _metrics.Dispose();
            }
            finally
            {
                _loops.Dispose();
            }
        }
    }

    /// <inheritdoc cref="Dispose"/>
    /// <returns>A task that completes when the loops have stopped, or after a second if one is still inside application
    /// code.</returns>
    public ValueTask DisposeAsync() => Volatile.Read(ref _disposed) != 0 ? default : new ValueTask(Task.Run(Dispose));

    /// <summary>
    /// Changes <see cref="FdmTransportOptions.PollingSets"/> while loops run, so that one process can be compared with
    /// itself.
    /// </summary>
    internal void UsePollingSets(bool enabled)
        => Array.ForEach(_loops.Loops, loop => loop.Sets.Enabled = enabled);

    /// <summary>Starts the loops if they do not run, and keeps them until <see cref="ReleaseLoops"/>.</summary>
    internal EventLoop[] AcquireLoops() => _loops.AddUser();

    internal void ReleaseLoops() => _loops.RemoveUser();

    internal EndpointBuffers CreateClientBuffers() => CreateBuffers(ClientPoolOwner);

    /// <summary>
    /// Not from the application's pools: theirs are small blocks, and a stream's are as large as what a caller reads at
    /// once.
    /// </summary>
    internal EndpointBuffers CreateStreamBuffers()
        => new(MemoryPool<byte>.Shared, _logger, EndpointBuffers.StreamBlockSize);

    private void OnLoopFailed(EventLoop failed, Exception cause, EventLoop? replacement)
    {
        if (replacement is null && StopHost is { } stop)
        {
            // User code, and the loop's connections have yet to end.
            ThreadPool.UnsafeQueueUserWorkItem(static stop => stop(), stop, preferLocal: false);
        }
    }

    private FdmConnectionListener CreateListener(
        ListenSocket[] sockets, EventLoop[] running, EndPoint endpoint, FdmTransportOptions options)
    {
        ConnectionSettings settings = TransportSettings.ForConnections(options, _logger) with
        {
            InheritsOptions = !ListenSocketFactory.AreOurs(endpoint, options)
        };
        EndpointBuffers buffers = CreateBuffers(PoolOwner);
        try
        {
            return new FdmConnectionListener(
                sockets, _loops, running, buffers, options.AcceptQueueLength, settings);
        }
        catch
        {
            buffers.DisposePool();
            throw;
        }
    }

    private EndpointBuffers CreateBuffers(string owner)
    {
        // The shared pool ignores its disposal.
        MemoryPool<byte> pool =
            _poolFactory?.Create(new MemoryPoolOptions { Owner = owner }) ?? MemoryPool<byte>.Shared;
        try
        {
            return new EndpointBuffers(pool, _logger);
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }
}
