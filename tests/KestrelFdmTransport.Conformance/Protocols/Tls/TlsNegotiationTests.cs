using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>What client and server agree on in the TLS handshake: certificate, protocol, cipher.</summary>
public sealed class TlsNegotiationTests(ITestOutputHelper output) : TransportTest(output)
{
    private static readonly string[] s_hosts = ["one.test", "two.test"];

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_certificate_is_selected_by_the_host_that_the_client_names(TransportKind transport)
    {
        using X509Certificate2 first = NamedCertificate.Create(s_hosts[0]);
        using X509Certificate2 second = NamedCertificate.Create(s_hosts[1]);
        await AssertCertificatePerHostAsync(transport, [first, second], options => options.UseHttps(
            https => https.ServerCertificateSelector = (_, host) => string.Equals(
                host, s_hosts[0], StringComparison.Ordinal) ? first : second));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_options_of_the_handshake_are_selected_by_the_host_that_the_client_names(
        TransportKind transport)
    {
        using X509Certificate2 first = NamedCertificate.Create(s_hosts[0]);
        using X509Certificate2 second = NamedCertificate.Create(s_hosts[1]);
        await AssertCertificatePerHostAsync(transport, [first, second], options => options.UseHttps(
            async (_, hello, _, _) =>
            {
                await Task.Yield();
                bool isFirst = string.Equals(hello.ServerName, s_hosts[0], StringComparison.Ordinal);
                return new SslServerAuthenticationOptions { ServerCertificate = isFirst ? first : second };
            },
            state: null!));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_host_without_a_certificate_ends_the_handshake_and_no_other(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create(s_hosts[0]);
        TestServer server = await StartAsync(transport, AnswerWithHandshake, new TestServerSetup
        {
            Listen = options => options.UseHttps(
                https => https.ServerCertificateSelector = (_, host) => string.Equals(
                    host, s_hosts[0], StringComparison.Ordinal) ? certificate : null),
        });

        Exception? refused = await Record.ExceptionAsync(
            () => TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate, s_hosts[1])));
        Assert.NotNull(refused);
        Assert.IsNotType<TimeoutException>(refused);
        await using TlsClient client =
            await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate, s_hosts[0]));
        Assert.NotEmpty(await client.GetAsync("/"));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_facts_of_the_handshake_are_visible_to_the_application(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create(s_hosts[0]);
        // SslStream looks at the name only if the certificate depends on it.
        TestServer server = await StartAsync(transport, AnswerWithHandshake, new TestServerSetup
        {
            Listen = options => options.UseHttps(https => https.ServerCertificateSelector = (_, _) => certificate),
        });

        foreach (SslProtocols version in new[] { SslProtocols.Tls12, SslProtocols.Tls13 })
        {
            SslClientAuthenticationOptions options = TlsClient.Trust(certificate, s_hosts[0], version);
            options.ApplicationProtocols = [SslApplicationProtocol.Http11];
            await using TlsClient client = await TlsClient.ConnectAsync(server.EndPoint, options);
            Assert.Equal(version, client.TlsVersion);
            Assert.Equal($"{version} {client.CipherSuite} {s_hosts[0]} http/1.1", await client.GetAsync("/"));
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_application_protocol_is_the_first_that_both_sides_speak(TransportKind transport)
    {
        (HttpProtocols Server, SslApplicationProtocol[] Client, SslApplicationProtocol Chosen)[] cases =
        [
            (
                HttpProtocols.Http1AndHttp2,
                [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                SslApplicationProtocol.Http2),
            (HttpProtocols.Http1AndHttp2, [SslApplicationProtocol.Http11], SslApplicationProtocol.Http11),
            (HttpProtocols.Http1AndHttp2, [], default),
            (
                HttpProtocols.Http1,
                [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                SslApplicationProtocol.Http11),
            (
                HttpProtocols.Http2,
                [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                SslApplicationProtocol.Http2),
        ];
        using X509Certificate2 certificate = NamedCertificate.Create(s_hosts[0]);
        foreach (var group in cases.GroupBy(one => one.Server))
        {
            TestServer server = await StartAsync(transport, AnswerWithHandshake, Setup(certificate, group.Key));
            foreach ((_, SslApplicationProtocol[] offered, SslApplicationProtocol chosen) in group)
            {
                SslClientAuthenticationOptions options = TlsClient.Trust(certificate, s_hosts[0]);
                options.ApplicationProtocols = [.. offered];
                await using TlsClient client = await TlsClient.ConnectAsync(server.EndPoint, options);
                Assert.Equal(chosen, client.Protocol);
            }
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handshake_may_come_byte_by_byte(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create(s_hosts[0]);
        TestServer server = await StartAsync(transport, AnswerWithHandshake, Setup(certificate, HttpProtocols.Http1));

        await using TlsClient client =
            await TlsClient.ConnectAsync(server.EndPoint, stream => new DribblingStream(stream));
        await client.HandshakeAsync(TlsClient.Trust(certificate, s_hosts[0]));
        Assert.Contains($"{client.CipherSuite}", await client.GetAsync("/"), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(OnAll))]
    public async Task Many_clients_shake_hands_at_once(TransportKind transport)
    {
        const int Clients = 32;
        using X509Certificate2 certificate = NamedCertificate.Create(s_hosts[0]);
        TestServer server = await StartAsync(transport, AnswerWithHandshake, Setup(certificate, HttpProtocols.Http1));

        string[] replies = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            await using TlsClient client =
                await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate, s_hosts[0]));
            return await client.GetAsync("/");
        }));
        Assert.All(replies, reply => Assert.StartsWith("Tls1", reply, StringComparison.Ordinal));
    }

    private static Task AnswerWithHandshake(HttpContext context)
    {
        ITlsHandshakeFeature handshake = context.Features.GetRequiredFeature<ITlsHandshakeFeature>();
        string protocol = Encoding.ASCII.GetString(
            context.Features.GetRequiredFeature<ITlsApplicationProtocolFeature>().ApplicationProtocol.Span);
        return context.Response.WriteAsync(
            $"{handshake.Protocol} {handshake.NegotiatedCipherSuite} {handshake.HostName} {protocol}");
    }

    private static TestServerSetup Setup(X509Certificate2 certificate, HttpProtocols protocols) => new()
    {
        Listen = options =>
        {
            options.Protocols = protocols;
            options.UseHttps(certificate);
        },
    };

    private async Task AssertCertificatePerHostAsync(
        TransportKind transport,
        IReadOnlyList<X509Certificate2> certificates,
        Action<ListenOptions> listen)
    {
        TestServer server = await StartAsync(transport, AnswerWithHandshake, new TestServerSetup { Listen = listen });
        for (int i = 0; i < s_hosts.Length; i++)
        {
            await using TlsClient client =
                await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificates[i], s_hosts[i]));
            Assert.Equal(certificates[i], client.ServerCertificate);
            Assert.Contains(s_hosts[i], await client.GetAsync("/"), StringComparison.Ordinal);
        }
    }
}
