using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.Conformance.Protocols;

/// <summary>A whole application, with services and routes of its own, on a transport or in memory.</summary>
internal sealed class ApplicationServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ApplicationServerSetup _setup;
    private readonly CheckingMemoryPoolFactory _pool = new();
    private readonly List<ListenOptions> _listening = [];

    private ApplicationServer(TransportKind? transport, ApplicationServerSetup setup)
    {
        _setup = setup;
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(Logs);
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = setup.ShutdownTimeout);
        if (transport is { } kind)
        {
            builder.WebHost.UseKestrelCore().ConfigureKestrel(Configure);
            Transports.Use(builder.WebHost, kind, new TransportSettings());
            // The last one wins, and UseKestrelCore has added its own.
            builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(_pool);
        }
        else
        {
            builder.WebHost.UseTestServer();
        }

        setup.Build?.Invoke(builder);
        _application = builder.Build();
        setup.Map?.Invoke(_application);
    }

    public LogCollector Logs { get; } = new();

    public IPEndPoint EndPoint => (IPEndPoint)_listening.Single().EndPoint;

    public IServiceProvider Services => _application.Services;

    /// <param name="transport">Null for a server that is in memory and has no transport.</param>
    /// <param name="setup">The application.</param>
    public static async Task<ApplicationServer> StartAsync(TransportKind? transport, ApplicationServerSetup setup)
    {
        var server = new ApplicationServer(transport, setup);
        try
        {
            await server._application.StartAsync().Within("the start of the server");
        }
        catch
        {
            await server._application.DisposeAsync();
            throw;
        }

        return server;
    }

    /// <summary>What carries requests to a server in memory.</summary>
    public HttpMessageHandler CreateInMemoryHandler() => _application.GetTestServer().CreateHandler();

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync().Within("the stop of the server");
        await _application.DisposeAsync().Within("the disposal of the server");

        await _pool.VerifyAsync();
        Logs.AssertNothingFromTheTransportAbove(LogLevel.Debug);
        Assert.DoesNotContain(
            Logs.Entries, entry => entry.Level > LogLevel.Warning && !_setup.ExpectedErrors.Any(entry.Is));
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        // A busy machine is no reason to cut a connection.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Listen(TestServerSetup.FreeLoopbackPort, options =>
        {
            _listening.Add(options);
            _setup.Listen?.Invoke(options);
        });
    }
}
