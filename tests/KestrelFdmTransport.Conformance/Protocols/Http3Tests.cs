using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Quic;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols;

/// <summary>HTTP/3 beside: TCP stays with the transport under test, QUIC with its own.</summary>
public sealed class Http3Tests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_TCP_endpoint_serves_where_HTTP_3_is_configured_beside(TransportKind transport)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        ApplicationServer server = await StartHttp3Async(transport, certificate);

        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using HttpClient client = CreateClient(server, certificate, version);
            Assert.Equal(
                $"HTTP/{(version.Major == 1 ? "1.1" : "2")}",
                await client.GetStringAsync(new Uri("/", UriKind.Relative)).Within());
            if (transport != TransportKind.Sockets)
            {
                Assert.Equal(version.Major, Transports.Loops(server.Services).Sum(loop => loop.Accepts));
            }
        }
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task HTTP_3_is_served_by_QUIC_beside_the_TCP_endpoint(TransportKind transport)
    {
        Skip.IfNot(OperatingSystem.IsLinux() && QuicListener.IsSupported, "QUIC needs libmsquic, which is not here.");
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        ApplicationServer server = await StartHttp3Async(transport, certificate);

        using HttpClient tcp = CreateClient(server, certificate, HttpVersion.Version11);
        using HttpResponseMessage hint = await tcp.GetAsync(new Uri("/", UriKind.Relative)).Within();
        Assert.Contains("h3", Assert.Single(hint.Headers.GetValues("Alt-Svc")), StringComparison.Ordinal);
        using HttpClient quic = CreateClient(server, certificate, HttpVersion.Version30);
        Assert.Equal("HTTP/3", await quic.GetStringAsync(new Uri("/", UriKind.Relative)).Within());
    }

    private static HttpClient CreateClient(ApplicationServer server, X509Certificate2 certificate, Version version)
    {
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        trust.CustomTrustStore.Add(certificate);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = trust;
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://{server.EndPoint}"),
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    private async Task<ApplicationServer> StartHttp3Async(TransportKind transport, X509Certificate2 certificate)
    {
        ApplicationServer server = await ApplicationServer.StartAsync(transport, new ApplicationServerSetup
        {
            Build = builder => builder.WebHost.UseQuic(),
            Map = application => application.Run(context => context.Response.WriteAsync(context.Request.Protocol)),
            Listen = options =>
            {
                options.Protocols = HttpProtocols.Http1AndHttp2AndHttp3;
                options.UseHttps(certificate);
            },
        });
        CheckAfterwards(server, server.Logs);
        return server;
    }
}
