using System;
using System.Linq;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>Client certificates, with both versions of TLS: they ask for one at different times.</summary>
public sealed class TlsClientCertificateTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string NoCertificate = "none";

    private static readonly SslProtocols[] s_versions = [SslProtocols.Tls12, SslProtocols.Tls13];

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_required_certificate_reaches_the_application(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        using X509Certificate2 own = NamedCertificate.Create("client");
        TestServer server = await StartAsync(
            transport, AnswerWithThumbprint, Setup(certificate, ClientCertificateMode.RequireCertificate));

        foreach (SslProtocols version in s_versions)
        {
            await using TlsClient client = await ConnectAsync(server, certificate, version, own);
            Assert.Equal(own.Thumbprint, await client.GetAsync("/"));
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_certificate_that_is_merely_allowed_may_be_missing(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        using X509Certificate2 own = NamedCertificate.Create("client");
        TestServer server = await StartAsync(
            transport, AnswerWithThumbprint, Setup(certificate, ClientCertificateMode.AllowCertificate));

        foreach (SslProtocols version in s_versions)
        {
            await using TlsClient without = await ConnectAsync(server, certificate, version);
            Assert.Equal(NoCertificate, await without.GetAsync("/"));
            await using TlsClient with = await ConnectAsync(server, certificate, version, own);
            Assert.Equal(own.Thumbprint, await with.GetAsync("/"));
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_certificate_may_be_asked_for_during_the_request(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        using X509Certificate2 own = NamedCertificate.Create("client");
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                Assert.Null(context.Connection.ClientCertificate);
                X509Certificate2? given = await context.Connection.GetClientCertificateAsync();
                await context.Response.WriteAsync(given?.Thumbprint ?? NoCertificate);
            },
            Setup(certificate, ClientCertificateMode.DelayCertificate));

        foreach (SslProtocols version in s_versions)
        {
            await using TlsClient client = await ConnectAsync(server, certificate, version, own);
            Assert.Equal(own.Thumbprint, await client.GetAsync("/"));
        }
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_client_without_the_required_certificate_is_refused(TransportKind candidate)
        => CompareAsync(
            candidate,
            (transport, transcript) => RefuseAsync(transport, transcript, giveCertificate: false));

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_client_whose_certificate_the_application_rejects_is_refused(TransportKind candidate)
        => CompareAsync(
            candidate,
            (transport, transcript) => RefuseAsync(transport, transcript, giveCertificate: true));

    private static Task AnswerWithThumbprint(HttpContext context)
        => context.Response.WriteAsync(context.Connection.ClientCertificate?.Thumbprint ?? NoCertificate);

    private static async Task<TlsClient> ConnectAsync(
        TestServer server,
        X509Certificate2 certificate,
        SslProtocols version,
        X509Certificate2? own = null)
    {
        var options = TlsClient.Trust(certificate, version: version);
        options.ClientCertificates = own is null ? null : new X509CertificateCollection { own };
        return await TlsClient.ConnectAsync(server.EndPoint, options);
    }

    private static TestServerSetup Setup(
        X509Certificate2 certificate,
        ClientCertificateMode mode,
        bool accept = true)
    {
        return new TestServerSetup
        {
            Listen = options => options.UseHttps(certificate, https =>
            {
                https.ClientCertificateMode = mode;
                https.ClientCertificateValidation = (_, _, _) => accept;
            }),
        };
    }

    private async Task RefuseAsync(TransportKind transport, Transcript transcript, bool giveCertificate)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        using X509Certificate2 own = NamedCertificate.Create("client");
        TestServer server = await StartAsync(
            transport,
            AnswerWithThumbprint,
            Setup(certificate, ClientCertificateMode.RequireCertificate, accept: false));

        foreach (SslProtocols version in s_versions)
        {
            // With TLS 1.3 the client is done before the server has looked at its certificate.
            await transcript.StepAsync("client", $"{version}", async () =>
            {
                await using TlsClient client =
                    await ConnectAsync(server, certificate, version, giveCertificate ? own : null);
                return await client.ReadToEndAsync();
            });
        }

        await server.StopAsync().Within();
        transcript.AddLog(server.Logs);
        LogEntry[] refusals = [.. server.Logs.Entries.Where(entry => entry.Is("AuthenticationFailed"))];
        Assert.Equal(s_versions.Length, refusals.Length);
        foreach (LogEntry entry in refusals)
        {
            transcript.Add("kestrel", Observe.Describe(entry));
        }

        Assert.DoesNotContain(NoCertificate, transcript.ToString(), StringComparison.Ordinal);
    }
}
