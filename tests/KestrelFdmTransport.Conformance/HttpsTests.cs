using System;
using System.Net;
using System.Net.Http;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>TLS between the transport and HTTP.</summary>
public sealed class HttpsTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_get_over_TLS_is_answered(TransportKind transport)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        TestServer server = await StartHttpsAsync(transport, AnswerWithProtocol, certificate);
        using HttpClient client = CreateClient(server, certificate, HttpVersion.Version11);

        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("HTTP/1.1 True", await client.GetStringAsync(new Uri("/", UriKind.Relative)).Within());
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task HTTP_2_is_negotiated_over_TLS(TransportKind transport)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        TestServer server = await StartHttpsAsync(transport, AnswerWithProtocol, certificate);
        using HttpClient client = CreateClient(server, certificate, HttpVersion.Version20);

        using HttpResponseMessage response = await client.GetAsync(new Uri("/", UriKind.Relative)).Within();
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal("HTTP/2 True", await response.Content.ReadAsStringAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Five_megabytes_are_echoed_over_TLS(TransportKind transport)
    {
        const int Length = 5 * 1024 * 1024;
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        TestServer server = await StartHttpsAsync(transport, Handlers.EchoBody, certificate);
        using HttpClient client = CreateClient(server, certificate, HttpVersion.Version11);

        using var content = new PatternContent(Length);
        using HttpResponseMessage response = await client.PostAsync(new Uri("/", UriKind.Relative), content).Within();
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(Length, body.Length);
        Assert.True(body.AsSpan().SequenceEqual(BytePattern.Default.Create(Length)));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_is_gone_before_the_handshake_is_no_error(TransportKind transport)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        TestServer server = await StartHttpsAsync(transport, AnswerWithProtocol, certificate);

        for (int i = 0; i < 10; i++)
        {
            RawClient gone = await server.ConnectAsync();
            await gone.SendAsync(new byte[] { 22, 3, 1 });
            if (i % 2 == 0)
            {
                gone.Reset();
            }
            else
            {
                gone.Dispose();
            }
        }

        using HttpClient client = CreateClient(server, certificate, HttpVersion.Version11);
        Assert.Equal("HTTP/1.1 True", await client.GetStringAsync(new Uri("/", UriKind.Relative)).Within());
    }

    private static Task AnswerWithProtocol(HttpContext context)
        => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.IsHttps}");

    private static HttpClient CreateClient(TestServer server, X509Certificate2 certificate, Version version)
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

    private Task<TestServer> StartHttpsAsync(
        TransportKind transport, RequestDelegate handler, X509Certificate2 certificate)
        => StartAsync(transport, handler, new TestServerSetup { Listen = options => options.UseHttps(certificate) });
}
