using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Pipelined requests to Kestrel, each with a number of its own.</summary>
internal sealed class HttpRound : TransportLifetime
{
    private const int OneIn = 8;

    private readonly WebApplication _application;
    private readonly ConcurrentDictionary<int, int> _last = new();

    internal HttpRound(HandoffSettings settings, HandoffCounters figures, int number)
        : base(settings, figures, number)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new StallingLogger(figures));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(CountAsync)));
        builder.WebHost.UseFdmTransport(Configure);
        builder.Services.Configure<HostOptions>(
            options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(IsEager ? 1 : 500));
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(new StallingPoolFactory(Pool));
        _application = builder.Build();
        _application.Run(HandleAsync);
    }

    internal override EndPoint EndPoint => IPEndPoint.Parse(_application.Urls.First()["http://".Length..]);

    protected override FdmTransportFactory Factory => _application.Services.GetRequiredService<FdmTransportFactory>();

    public override ValueTask DisposeAsync() => _application.DisposeAsync();

    protected override Client CreateClient(int seed) => new HttpRequests(this, seed);

    protected override Task StartAsync() => _application.StartAsync();

    protected override async Task StopAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private ConnectionDelegate CountAsync(ConnectionDelegate next) => async connection =>
    {
        Figures.Opened();
        connection.ConnectionClosed.Register(static figures => ((HandoffCounters)figures!).Ended(), Figures);
        StallInjection.Run(OneIn);
        await next(connection);
    };

    /// <summary>Answers <c>/tag/number</c> with itself and a number of bytes of the connection's stream.</summary>
    private async Task HandleAsync(HttpContext context)
    {
        (int tag, int number, PlannedClose fate) = HttpRequests.Parse(context.Request.Path.Value!);
        int last = _last.GetValueOrDefault(tag);
        if (number != last + 1)
        {
            Figures.Report($"Connection {tag}: request {number} came after {last}.");
        }

        _last[tag] = number;
        if (fate == PlannedClose.ServerAborts)
        {
            Figures.CountAbort();
            ThreadPool.UnsafeQueueUserWorkItem(
                static connection => connection.Abort(),
                context.Features.GetRequiredFeature<IConnectionLifetimeFeature>(),
                preferLocal: false);
        }

        StallInjection.Run(OneIn);
        byte[] body = HttpRequests.CreateBody(tag, number);
        context.Response.ContentLength = body.Length;
        int first = body.Length / (1 + (number % 3));
        await context.Response.Body.WriteAsync(body.AsMemory(0, first));
        StallInjection.Run(OneIn);
        if (number % 5 == 0)
        {
            await context.Response.Body.FlushAsync();
            StallInjection.Run(OneIn);
        }

        await context.Response.Body.WriteAsync(body.AsMemory(first));
        StallInjection.Run(OneIn);
    }
}
