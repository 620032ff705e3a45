using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>A Kestrel host on one transport, with its log and its memory pools under watch.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly TestServerSetup _setup;
    private readonly List<ListenOptions> _listening;
    private Task? _stopping;

    private TestServer(
        WebApplication application,
        TestServerSetup setup,
        List<ListenOptions> listening,
        LogCollector logs,
        CheckingMemoryPoolFactory pool)
    {
        _application = application;
        _setup = setup;
        _listening = listening;
        Logs = logs;
        Pool = pool;
    }

    public LogCollector Logs { get; }

    public CheckingMemoryPoolFactory Pool { get; }

    public IHostApplicationLifetime Lifetime => _application.Lifetime;

    public ICollection<string> Addresses => _application.Urls;

    /// <summary>The endpoints as bound, real port included.</summary>
    public IReadOnlyList<EndPoint> EndPoints => [.. _listening.Select(options => options.EndPoint)];

    public IPEndPoint EndPoint => (IPEndPoint)EndPoints[0];

    public Uri HttpUrl => new($"http://{EndPoint}");

    public IServiceProvider Services => _application.Services;

    public IReadOnlyList<LoopSnapshot> Loops => Transports.Loops(_application.Services);

    public static async Task<TestServer> StartAsync(
        TransportKind transport,
        RequestDelegate handler,
        TestServerSetup? setup = null)
    {
        setup ??= new TestServerSetup();
        var logs = new LogCollector();
        var pool = new CheckingMemoryPoolFactory();
        var listening = new List<ListenOptions>();

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(logs);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, setup, listening));
        Transports.Use(builder.WebHost, transport, setup.Transport);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = setup.ShutdownTimeout);
        // The last one wins, and UseKestrelCore has added its own.
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(pool);

        WebApplication application = builder.Build();
        if (setup.Url is { } url)
        {
            application.Urls.Add(url);
        }

        setup.Pipeline?.Invoke(application);
        application.Run(handler);
        try
        {
            await application.StartAsync().Within("the start of the server");
        }
        catch
        {
            await application.DisposeAsync();
            throw;
        }

        return new TestServer(application, setup, listening, logs, pool);
    }

    public Task<RawClient> ConnectAsync() => RawClient.ConnectAsync(EndPoints[0]);

    public Task StopAsync() => _stopping ??= _application.StopAsync();

    /// <summary>Begins the stop; Kestrel stops listening before it waits for requests.</summary>
    /// <returns>The stop, which may not be over.</returns>
    public async Task<Task> StopUntilNothingListensAsync()
    {
        Task stop = StopAsync();
        while (await IsListeningAsync())
        {
        }

        return stop;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().Within("the stop of the server");
        await _application.DisposeAsync().Within("the disposal of the server");

        await Pool.VerifyAsync();
        Logs.AssertNothingFromTheTransportAbove(LogLevel.Debug);
        Logs.AssertNothingAbove(LogLevel.Warning, except: _setup.ExpectedError);
        if (!_setup.AbortsWhenStopping)
        {
            Assert.DoesNotContain(Logs.Entries, entry => entry.Is("NotAllConnectionsClosedGracefully"));
        }
    }

    private async Task<bool> IsListeningAsync()
    {
        try
        {
            using RawClient probe = await ConnectAsync();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void Configure(KestrelServerOptions kestrel, TestServerSetup setup, List<ListenOptions> listening)
    {
        // A busy machine is no reason to cut a connection.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null;
        setup.Kestrel?.Invoke(kestrel);
        foreach (EndPoint endPoint in setup.EndPoints)
        {
            kestrel.Listen(endPoint, options =>
            {
                listening.Add(options);
                setup.Listen?.Invoke(options);
            });
        }
    }
}
