using System;
using System.Collections.Generic;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>Kestrel on two loops, with an endpoint for every kind of traffic.</summary>
internal sealed class SoakServer : IAsyncDisposable
{
    private const string MovingUrl = "Endpoints:Moving:Url";

    private static readonly TimeSpan s_idleTimeout = TimeSpan.FromMilliseconds(300);

    private readonly WebApplication _application;
    private readonly IConfigurationRoot _configuration;
    private readonly X509Certificate2 _certificate = SelfSignedCertificate.Create();
    private readonly List<ListenOptions> _listening = [];
    private readonly int[] _ports = [FreePorts.InBothFamilies(), FreePorts.InBothFamilies()];
    private readonly SoakCounters _figures;
    private volatile bool _ending;
    private volatile int _moves;

    private SoakServer(SoakCounters figures)
    {
        _figures = figures;
        _configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([KeyValuePair.Create(MovingUrl, (string?)Url(_ports[0]))])
            .Build();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddProvider(new SoakLogger(figures));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.WebHost.UseFdmTransport(options => options.LoopCount = 2);
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>>(Pool);
        _application = builder.Build();
        _application.UseWebSockets();
        _application.Run(new SoakRoutes(figures).HandleAsync);
    }

    internal CheckingMemoryPoolFactory Pool { get; } = new();

    /// <summary>True when no new conversation is to begin.</summary>
    internal bool IsEnding => _ending;

    internal IPEndPoint Clear => _listening[0].IPEndPoint!;

    internal IPEndPoint Tls => _listening[1].IPEndPoint!;

    internal IPEndPoint ClearHttp2 => _listening[2].IPEndPoint!;

    /// <summary>Where silent connections are ended soon.</summary>
    internal IPEndPoint Impatient => _listening[3].IPEndPoint!;

    /// <summary>Where the endpoint that moves is at the moment.</summary>
    internal IPEndPoint Moving => new(IPAddress.Loopback, _ports[_moves % 2]);

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
        (_configuration as IDisposable)?.Dispose();
        _certificate.Dispose();
    }

    internal static async Task<SoakServer> StartAsync(SoakCounters figures)
    {
        var server = new SoakServer(figures);
        await server._application.StartAsync();
        return server;
    }

    internal bool IsMoving(IPEndPoint endPoint) => Array.IndexOf(_ports, endPoint.Port) >= 0;

    internal bool IsOwn(X509Certificate? certificate) => _certificate.Equals(certificate);

    internal void Move()
    {
        _moves++;
        _configuration[MovingUrl] = Url(_ports[_moves % 2]);
        _configuration.Reload();
    }

    internal void End() => _ending = true;

    private static string Url(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    private void Configure(KestrelServerOptions kestrel)
    {
        // A busy machine is no reason to cut a connection.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.ConfigureEndpointDefaults(listen => listen.Use(Count));
        kestrel.Configure(_configuration, reloadOnChange: true);
        Listen(kestrel, HttpProtocols.Http1);
        Listen(kestrel, HttpProtocols.Http1AndHttp2, listen => listen.UseHttps(_certificate));
        Listen(kestrel, HttpProtocols.Http2);
        Listen(kestrel, HttpProtocols.Http1, listen => listen.Use(LimitSilence));
    }

    private void Listen(KestrelServerOptions kestrel, HttpProtocols protocols, Action<ListenOptions>? configure = null)
    {
        kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = protocols;
            configure?.Invoke(listen);
            _listening.Add(listen);
        });
    }

    private ConnectionDelegate Count(ConnectionDelegate next) => connection =>
    {
        _figures.Opened();
        _figures.See(connection);
        connection.ConnectionClosed.Register(static figures => ((SoakCounters)figures!).Ended(), _figures);
        return next(connection);
    };

    private static ConnectionDelegate LimitSilence(ConnectionDelegate next) => connection =>
    {
        connection.Features.Get<IFdmConnectionFeature>()!.IdleTimeout = s_idleTimeout;
        return next(connection);
    };
}
