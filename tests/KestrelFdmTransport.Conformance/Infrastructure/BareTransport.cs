using System;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>
/// A transport as a host registers it, but with no server above: the case itself accepts, reads and disposes.
/// </summary>
internal sealed class BareTransport : IAsyncDisposable
{
    private readonly WebApplication _application;
    private IConnectionListener? _listener;

    private BareTransport(WebApplication application, LogCollector logs, CheckingMemoryPoolFactory pool)
    {
        _application = application;
        Logs = logs;
        Pool = pool;
    }

    public LogCollector Logs { get; }

    public CheckingMemoryPoolFactory Pool { get; }

    public IServiceProvider Services => _application.Services;

    /// <summary>The factory that Kestrel would ask first.</summary>
    public IConnectionListenerFactory Factory => Services.GetServices<IConnectionListenerFactory>().Last();

    public IConnectionListener Listener => _listener ?? throw new InvalidOperationException("Nothing is bound.");

    public static async Task<BareTransport> StartAsync(
        TransportKind transport,
        TransportSettings? settings = null,
        EndPoint? endPoint = null)
    {
        var logs = new LogCollector();
        var pool = new CheckingMemoryPoolFactory();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(logs);
        builder.WebHost.UseKestrelCore();
        Transports.Use(builder.WebHost, transport, settings ?? new TransportSettings());
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(pool);

        var bare = new BareTransport(builder.Build(), logs, pool);
        bare._listener = await bare.Factory.BindAsync(endPoint ?? TestServerSetup.FreeLoopbackPort).Within(
            "a bound listener");
        return bare;
    }

    /// <summary>A client and the server's side of the same connection.</summary>
    public async Task<(RawClient Client, ConnectionContext Server)> ConnectAsync(int? receiveBufferSize = null)
    {
        RawClient client = await RawClient.ConnectAsync(Listener.EndPoint, receiveBufferSize);
        return (client, await AcceptAsync());
    }

    public async Task<ConnectionContext> AcceptAsync(CancellationToken cancellationToken = default)
    {
        ConnectionContext? connection = await Listener.AcceptAsync(cancellationToken).Within("an accepted connection");
        Assert.NotNull(connection);
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync().Within("the disposal of the listener");
        await _application.DisposeAsync().Within("the disposal of the services");
        await Pool.VerifyAsync();
    }
}
