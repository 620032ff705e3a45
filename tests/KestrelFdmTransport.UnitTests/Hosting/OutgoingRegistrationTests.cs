using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary><see cref="HttpClient"/> on the event loops, by one line.</summary>
public sealed class OutgoingRegistrationTests
{
    private static readonly Action<WebApplication> s_map = application =>
    {
        application.MapGet("/", (HttpContext context) => $"served at {context.Request.Host}");
        application.MapGet(
            "/connections",
            (IFdmTransport transport) => transport.GetLoopStatistics().Sum(static loop => loop.Connections));
    };

    [Fact]
    public async Task A_handler_opens_its_connections_on_the_loops()
    {
        await using SmallServer server = await SmallServer.StartAsync(map: s_map);
        using var http = new HttpClient(
            new SocketsHttpHandler().UseFdm(server.Application.Services.GetRequiredService<FdmConnectionFactory>()));

        // The client's end and the server's.
        Assert.Equal("2", await http.GetStringAsync(new Uri($"{server.Application.Urls.Single()}/connections")));
    }

    [Fact]
    public async Task A_handler_with_an_endpoint_of_its_own_goes_there_and_to_no_proxy()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "server");
        await using WebApplication application = BuildUnix(path);
        await application.StartAsync().Within("the start of the server");
        using var handler = new SocketsHttpHandler { Proxy = new WebProxy("http://127.0.0.1:1") };
        using var http = new HttpClient(handler.UseFdm(
            application.Services.GetRequiredService<FdmConnectionFactory>(), new UnixDomainSocketEndPoint(path)));

        Assert.Equal("served at any.host", await http.GetStringAsync(new Uri("http://any.host/")));
        await application.StopAsync().Within("the stop of the server");
    }

    [Fact]
    public async Task A_client_of_the_client_factory_opens_its_connections_on_the_loops_of_the_server()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Services.AddHttpClient("loops").UseFdmConnections(), s_map);

        using HttpClient http = Client(server.Application.Services, "loops");
        Assert.Equal("2", await http.GetStringAsync(new Uri($"{server.Application.Urls.Single()}/connections")));
    }

    [Fact]
    public async Task A_client_of_the_client_factory_leaves_the_server_on_its_transport()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Services.AddHttpClient("loops").UseFdmConnections(), s_map, usesFdm: false);

        using HttpClient http = Client(server.Application.Services, "loops");
        Assert.Equal("1", await http.GetStringAsync(new Uri($"{server.Application.Urls.Single()}/connections")));
    }

    [Fact]
    public async Task A_client_of_the_client_factory_may_have_an_endpoint_of_its_own()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "server");
        await using WebApplication application = BuildUnix(
            path,
            services => services.AddHttpClient("unix").UseFdmConnections(new UnixDomainSocketEndPoint(path)));
        await application.StartAsync().Within("the start of the server");

        using HttpClient http = Client(application.Services, "unix");
        Assert.Equal("served at any.host", await http.GetStringAsync(new Uri("http://any.host/")));
        await application.StopAsync().Within("the stop of the server");
    }

    [Fact]
    public async Task Other_settings_of_the_primary_handler_stay()
    {
        var services = new ServiceCollection();
        SocketsHttpHandler? made = null;
        services.AddHttpClient("both")
            .UseSocketsHttpHandler((handler, _) => handler.MaxConnectionsPerServer = 7)
            .UseFdmConnections()
            .UseSocketsHttpHandler((handler, _) => made = handler);
        await using ServiceProvider provider = services.BuildServiceProvider();

        using HttpClient http = Client(provider, "both");
        Assert.Equal(7, made?.MaxConnectionsPerServer);
        Assert.NotNull(made!.ConnectCallback);
    }

    [Fact]
    public async Task Where_the_transport_cannot_run_requests_go_over_plain_sockets_with_a_warning()
    {
        using var log = new LineLog();
        await using SmallServer server = await SmallServer.StartAsync(map: s_map, usesFdm: false, configure: builder =>
        {
            builder.Services.AddSingleton(
                new FdmTransportFactory(Options.Create(new FdmTransportOptions()), log)
                {
                    Probe = static () => "it is forbidden."
                });
            builder.Services.AddHttpClient("loops").UseFdmConnections();
        });

        using HttpClient http = Client(server.Application.Services, "loops");
        Assert.Equal("0", await http.GetStringAsync(new Uri($"{server.Application.Urls.Single()}/connections")));
        Assert.Single(log.Lines, line => line.StartsWith("Warning 59 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_connection_behind_a_stream_is_the_one_that_carries_its_bytes()
    {
        await using SmallServer server = await SmallServer.StartAsync(map: s_map);
        var url = new Uri(server.Application.Urls.Single());
        await using Stream stream = await server.Application.Services.GetRequiredService<FdmConnectionFactory>()
            .ConnectStreamAsync(new DnsEndPoint(url.Host, url.Port));

        Assert.True(FdmConnectionFactory.TryGetConnection(stream, out ConnectionContext? connection));
        await stream.WriteAsync("GET"u8.ToArray());

        Assert.Equal(url.Port, Assert.IsType<IPEndPoint>(connection.RemoteEndPoint).Port);
        Assert.Equal(3, connection.Features.Get<IFdmConnectionFeature>()?.BytesSent);
    }

    [Fact]
    public async Task Another_stream_has_no_such_connection()
    {
        await using var other = new MemoryStream();

        Assert.False(FdmConnectionFactory.TryGetConnection(other, out ConnectionContext? connection));
        Assert.Null(connection);
    }

    [Fact]
    public async Task Nothing_is_refused()
    {
        await using var factory = new FdmConnectionFactory(
            Options.Create(new FdmTransportOptions()), NullLoggerFactory.Instance);
        using var handler = new SocketsHttpHandler();
        IHttpClientBuilder builder = new ServiceCollection().AddHttpClient("any");

        Assert.Throws<ArgumentNullException>("handler", () => SocketsHttpHandlerFdmExtensions.UseFdm(null!, factory));
        Assert.Throws<ArgumentNullException>("factory", () => handler.UseFdm(null!));
        Assert.Throws<ArgumentNullException>("endpoint", () => handler.UseFdm(factory, null!));
        Assert.Throws<ArgumentNullException>(
            "builder", () => HttpClientBuilderFdmExtensions.UseFdmConnections(null!));
        Assert.Throws<ArgumentNullException>("endpoint", () => builder.UseFdmConnections(null!));
        Assert.Throws<ArgumentNullException>(
            "stream", () => FdmConnectionFactory.TryGetConnection(null!, out ConnectionContext? _));
    }

    private static HttpClient Client(IServiceProvider services, string name)
        => services.GetRequiredService<IHttpClientFactory>().CreateClient(name);

    private static WebApplication BuildUnix(string path, Action<IServiceCollection>? configure = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://unix:{path}").UseFdmTransport(options => options.LoopCount = 1);
        configure?.Invoke(builder.Services);
        WebApplication application = builder.Build();
        s_map(application);
        return application;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("fdm-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
