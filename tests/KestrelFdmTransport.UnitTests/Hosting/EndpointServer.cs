using System;
using System.Collections.Generic;
using System.Globalization;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// A Kestrel with a configuration that may change. Its answers are options as a connection has them.
/// </summary>
internal sealed class EndpointServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Configuration _configuration;

    private EndpointServer(WebApplication application, Configuration configuration)
    {
        _application = application;
        _configuration = configuration;
    }

    public IReadOnlyList<EndpointStatistics> Endpoints
        => _application.Services.GetRequiredService<IFdmTransport>().GetEndpointStatistics();

    public ICollection<string> Urls => _application.Urls;

    /// <summary>Starts a server with these keys of the section Kestrel.</summary>
    public static async Task<EndpointServer> StartAsync(
        Action<KestrelServerOptions>? kestrel = null,
        (string Key, string Value)[]? configuration = null,
        Action<FdmTransportOptions>? transport = null,
        Action<WebApplicationBuilder>? build = null)
    {
        var source = new Configuration(configuration ?? []);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        ((IConfigurationBuilder)builder.Configuration).Add(source);
        builder.WebHost.UseKestrelCore().UseFdmTransport(options =>
        {
            options.LoopCount = 1;
            transport?.Invoke(options);
        });
        IServiceProvider? services = null;
        builder.WebHost.ConfigureKestrel((context, options) =>
        {
            services = options.ApplicationServices;
            options.Configure(context.Configuration.GetSection("Kestrel"), reloadOnChange: true);
            kestrel?.Invoke(options);
        });
        build?.Invoke(builder);
        try
        {
            WebApplication application = builder.Build();
            application.Run(context => context.Response.WriteAsync(Describe(context)));
            await application.StartAsync().Within("the start of the server");
            return new EndpointServer(application, source);
        }
        catch when (services is IAsyncDisposable)
        {
            // Building creates Kestrel. What it has created when that fails would stay, with the meter of a transport.
            await ((IAsyncDisposable)services).DisposeAsync();
            throw;
        }
    }

    /// <summary>What the options of a connection to the endpoint are, as <see cref="Describe"/> writes them.</summary>
    public static async Task<string> AskAsync(EndPoint endPoint)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(endPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        return await client.GetStringAsync(new Uri("http://test/")).Within($"an answer of {endPoint}");
    }

    /// <summary>Changes keys of the section Kestrel, which Kestrel notices.</summary>
    public void Change(params (string Key, string Value)[] configuration) => _configuration.Change(configuration);

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync().Within("the stop of the server");
        await _application.DisposeAsync().AsTask().Within("the disposal of the server");
    }

    private static string Describe(HttpContext context)
    {
        IFdmConnectionFeature? connection = context.Features.Get<IFdmConnectionFeature>();
        Socket socket = context.Features.Get<IConnectionSocketFeature>()!.Socket;
        string idle = connection?.IdleTimeout.ToString("c", CultureInfo.InvariantCulture) ?? "Sockets";
        return socket.AddressFamily == AddressFamily.Unix ? idle : $"{idle} {(socket.NoDelay ? "at once" : "Nagle")}";
    }

    private sealed class Configuration((string Key, string Value)[] values)
        : MemoryConfigurationProvider(new MemoryConfigurationSource()), IConfigurationSource
    {
        public void Change((string Key, string Value)[] changes)
        {
            Put(changes);
            OnReload();
        }

        public override void Load() => Put(values);

        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        private void Put(IEnumerable<(string Key, string Value)> entries)
        {
            foreach ((string key, string value) in entries)
            {
                Set($"Kestrel:{key}", value);
            }
        }
    }
}
