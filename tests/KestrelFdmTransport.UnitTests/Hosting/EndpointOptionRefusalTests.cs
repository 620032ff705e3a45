using System;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Options that an endpoint cannot have fail the start, and the message says what it can have.</summary>
public sealed class EndpointOptionRefusalTests
{
    private const string Section = "Kestrel:Endpoints:A:Fdm";

    private const string Names =
        "Options: Scheduling, IdleTimeout, MaxReadBufferSize, MaxWriteBufferSize, Backlog, AcceptQueueLength, NoDelay, "
            + "ReusePort, UnixSocketFileMode, ReplaceStaleUnixSocket.";

    private const string LoopCountMessage = $"'{Section}:LoopCount' is not an option of an endpoint. {Names}";
    private const string NoOptionMessage = $"'{Section}:IdleTimeuot' is not an option of an endpoint. {Names}";

    [Fact]
    public async Task A_value_out_of_its_range_in_code()
    {
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => EndpointServer.StartAsync(kestrel => kestrel.ListenLocalhost(5, listen => listen.UseFdm(
                options => options.IdleTimeout = TimeSpan.Zero))));

        Assert.Equal(
            "FdmEndpointOptions.IdleTimeout of 127.0.0.1:5 is 00:00:00; allowed: 00:00:00.1000000 (100 ms) to "
                + "24.00:00:00 (24 days), or -00:00:00.0010000 (none).",
            failure.Message);
    }

    [Theory]
    [InlineData("http://127.0.0.1:0", "Backlog", "-1", $"'{Section}:Backlog' is -1; allowed: 0 or more.")]
    [InlineData("http://localhost:5", "Backlog", "-1", $"'{Section}:Backlog' is -1; allowed: 0 or more.")]
    [InlineData("http://*:0", "NoDelay", "yes", $"'{Section}:NoDelay' is 'yes'; allowed: true or false.")]
    [InlineData("http://localhost:5", "NoDelay", "1", $"'{Section}:NoDelay' is '1'; allowed: true or false.")]
    [InlineData("http://127.0.0.1:0", "LoopCount", "1", LoopCountMessage)]
    [InlineData("http://127.0.0.1:0", "IdleTimeuot", "none", NoOptionMessage)]
    [InlineData(
        "http://unix:/tmp/x", "NoDelay", "false",
        $"'{Section}:NoDelay' is False; allowed: True, because /tmp/x is not an IP address.")]
    [InlineData(
        "http://unix:/tmp/x", "ReusePort", "true",
        $"'{Section}:ReusePort' is True; allowed: False, because /tmp/x is not an IP address.")]
    [InlineData(
        "http://localhost:5", "ReplaceStaleUnixSocket", "false",
        $"'{Section}:ReplaceStaleUnixSocket' is False; allowed: True, because 127.0.0.1:5 is not a Unix socket.")]
    [InlineData(
        "http://127.0.0.1:0", "UnixSocketFileMode", "000",
        $"'{Section}:UnixSocketFileMode' is None; allowed: null, because 127.0.0.1:0 is not a Unix socket.")]
    public async Task A_value_or_key_of_the_configuration(string url, string key, string value, string message)
    {
        Exception? failure = await Record.ExceptionAsync(() => EndpointServer.StartAsync(
            configuration: [("Endpoints:A:Url", url), ($"Endpoints:A:Fdm:{key}", value)]));

        Assert.True(failure is OptionsValidationException or InvalidOperationException, $"{failure}");
        Assert.Equal(message, failure.Message);
    }

    [Fact]
    public async Task A_section_where_Sockets_serves()
    {
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => EndpointServer.StartAsync(
                configuration: [("Endpoints:A:Url", "http://127.0.0.1:0"), ("Endpoints:A:Fdm:Backlog", "-1")],
                build: builder => builder.Services.AddSingleton(services => new FdmTransportFactory(
                    services.GetRequiredService<IOptions<FdmTransportOptions>>(), new LineLog())
                {
                    Probe = static () => "it is forbidden."
                })));

        Assert.Equal($"'{Section}:Backlog' is -1; allowed: 0 or more.", failure.Message);
    }

    /// <summary>Two endpoints on port 0 of one address look the same.</summary>
    [Fact]
    public async Task A_section_of_one_of_two_endpoints_with_the_same_address()
    {
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => EndpointServer.StartAsync(configuration:
            [
                ("Endpoints:A:Url", "http://127.0.0.1:0"),
                ("Endpoints:B:Url", "http://127.0.0.1:0"),
                ("Endpoints:B:Fdm:Backlog", "1"),
            ]));

        Assert.Equal(
            "'Kestrel:Endpoints:A' and 'Kestrel:Endpoints:B' have the same address, 127.0.0.1:0; allowed with 'Fdm': "
                + "an address of its own.",
            failure.Message);
    }

    [Fact]
    public async Task A_section_of_an_endpoint_with_HTTP_3_only()
    {
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => EndpointServer.StartAsync(configuration:
            [
                ("Endpoints:A:Url", "https://127.0.0.1:5"),
                ("Endpoints:A:Protocols", "Http3"),
                ("Endpoints:A:Fdm:Backlog", "1"),
            ]));

        Assert.Equal(
            "'Kestrel:Endpoints:A:Protocols' is 'Http3', which is not on the FDM transport; allowed with 'Fdm': Http1, "
                + "Http2, Http1AndHttp2 or Http1AndHttp2AndHttp3.",
            failure.Message);
    }

    [Theory]
    [InlineData(HttpProtocols.Http3, false)]
    [InlineData(HttpProtocols.Http1AndHttp2AndHttp3, true)]
    public async Task Options_in_code_of_an_endpoint_with_HTTP_3_only(HttpProtocols protocols, bool isServed)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        int port = FreePorts.InBothFamilies();
        Exception? failure = await Record.ExceptionAsync(async () =>
        {
            await using EndpointServer server = await EndpointServer.StartAsync(
                kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
                {
                    listen.Protocols = protocols;
                    listen.UseHttps(certificate).UseFdm(options => options.Backlog = 1);
                }),
                build: builder =>
                    builder.Services.AddSingleton<IMultiplexedConnectionListenerFactory, SilentQuic>());
            Assert.Single(server.Endpoints);
        });

        Assert.Equal(
            isServed ? null
                : $"UseFdm has no options for HTTP/3, which is all that 127.0.0.1:{port} has; allowed: protocols with "
                    + "HTTP/1 or HTTP/2.",
            failure?.Message);
    }

    [Fact]
    public async Task Options_of_an_endpoint_of_another_transport()
    {
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => EndpointServer.StartAsync(kestrel => kestrel.Listen(
                new NamedPipeEndPoint("pipe"), listen => listen.UseFdm(_ => { }))));

        Assert.EndsWith(
            "; allowed: IP addresses, Unix sockets and file handles.", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Options_where_Kestrel_is_not_on_the_transport(bool hasFactory)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(_ => { })));
        if (hasFactory)
        {
            builder.Services.AddFdmConnectionFactory();
        }

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await using WebApplication application = builder.Build();
            await application.StartAsync();
        });
        Assert.Equal(
            "UseFdm sets options of the FDM transport, which Kestrel is not on. Call UseFdmTransport on the web host "
                + "builder.",
            failure.Message);
    }

    [Fact]
    public async Task Null_is_refused()
    {
        Assert.Throws<ArgumentNullException>(
            "listenOptions", () => ListenOptionsFdmExtensions.UseFdm(null!, _ => { }));
        await Assert.ThrowsAsync<ArgumentNullException>("configureOptions", () => EndpointServer.StartAsync(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(null!))));
    }

    /// <summary>QUIC without clients.</summary>
    private sealed class SilentQuic : IMultiplexedConnectionListenerFactory, IMultiplexedConnectionListener
    {
        private readonly TaskCompletionSource<MultiplexedConnectionContext?> _end = new();

        public EndPoint EndPoint { get; private set; } = new IPEndPoint(IPAddress.None, 0);

        public ValueTask<IMultiplexedConnectionListener> BindAsync(
            EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
        {
            EndPoint = endpoint;
            return new(this);
        }

        public ValueTask<MultiplexedConnectionContext?> AcceptAsync(
            IFeatureCollection? features = null, CancellationToken cancellationToken = default)
            => new(_end.Task);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _end.TrySetResult(null);
            return default;
        }

        public ValueTask DisposeAsync() => default;
    }
}
