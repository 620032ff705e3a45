using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>
/// A transport as a host registers it, with nothing bound yet: the case binds what, and as often as, it likes.
/// </summary>
internal sealed class TransportHost : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly List<IConnectionListener> _listeners = [];

    private TransportHost(WebApplication application, LogCollector logs, CheckingMemoryPoolFactory pool)
    {
        _application = application;
        Logs = logs;
        Pool = pool;
    }

    public LogCollector Logs { get; }

    /// <summary>Not in use if the case has brought a pool of its own.</summary>
    public CheckingMemoryPoolFactory Pool { get; }

    /// <summary>The factory that Kestrel would ask first.</summary>
    public IConnectionListenerFactory Factory => _application.Services.GetServices<IConnectionListenerFactory>().Last();

    /// <param name="transport">The transport.</param>
    /// <param name="options">Options of Sockets; this transport takes them over.</param>
    /// <param name="pool">Instead of the checking one.</param>
    /// <param name="logger">In addition to the collector.</param>
    public static TransportHost Create(
        TransportKind transport,
        Action<SocketTransportOptions>? options = null,
        IMemoryPoolFactory<byte>? pool = null,
        ILoggerProvider? logger = null)
    {
        var logs = new LogCollector();
        var checking = new CheckingMemoryPoolFactory();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(logs);
        if (logger is not null)
        {
            builder.Logging.AddProvider(logger);
        }

        builder.WebHost.UseKestrelCore();
        Transports.Use(builder.WebHost, transport, new TransportSettings());
        builder.Services.AddSingleton(pool ?? checking);
        if (options is not null)
        {
            builder.Services.Configure(options);
        }

        return new TransportHost(builder.Build(), logs, checking);
    }

    /// <summary>Binds what is disposed of with the host.</summary>
    public async Task<IConnectionListener> BindAsync(EndPoint? endPoint = null)
    {
        IConnectionListener listener = await Factory.BindAsync(endPoint ?? TestServerSetup.FreeLoopbackPort).Within(
            "a bound listener");
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>A client and the server's side of the same connection.</summary>
    public static async Task<(RawClient Client, ConnectionContext Server)> ConnectAsync(
        IConnectionListener listener,
        int? receiveBufferSize = null)
    {
        RawClient client = await RawClient.ConnectAsync(listener.EndPoint, receiveBufferSize);
        return (client, await AcceptAsync(listener));
    }

    public static async Task<ConnectionContext> AcceptAsync(IConnectionListener listener)
    {
        ConnectionContext? connection = await listener.AcceptAsync().Within("an accepted connection");
        Assert.NotNull(connection);
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IConnectionListener listener in _listeners)
        {
            await listener.DisposeAsync().Within("the disposal of a listener");
        }

        await _application.DisposeAsync().Within("the disposal of the services");
        await Pool.VerifyAsync();
    }
}
