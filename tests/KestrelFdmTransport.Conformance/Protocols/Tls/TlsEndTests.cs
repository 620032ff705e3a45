using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>How TLS connections end, and what is not TLS at all.</summary>
public sealed class TlsEndTests(ITestOutputHelper output) : OracleTest(output)
{
    private const int AlertRecord = 21;
    private const int ApplicationDataRecord = 23;

    private static readonly byte[] s_clientHello =
    [
        // A record of TLS 1.0 with the head of a ClientHello of TLS 1.2.
        22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3,
        .. Enumerable.Range(0, 32).Select(i => (byte)i),
        0, 0, 2, 0x13, 0x01, 1, 0,
    ];

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_clean_end_is_FIN_after_the_last_whole_record(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartHttpsAsync(transport, certificate);

        // Kestrel sends no close_notify of its own accord, on any transport.
        IReadOnlyList<int> types = await GetRecordTypesAsync(server, certificate);
        Assert.Equal(ApplicationDataRecord, types[^1]);
        Assert.DoesNotContain(AlertRecord, types);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_close_notify_of_the_application_comes_last(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await context.Response.WriteAsync("hello");
                await context.Response.CompleteAsync();
                await context.Features.GetRequiredFeature<ISslStreamFeature>().SslStream.ShutdownAsync();
            },
            new TestServerSetup { Listen = options => options.UseHttps(certificate) });

        IReadOnlyList<int> types = await GetRecordTypesAsync(server, certificate);
        Assert.Equal(AlertRecord, types[^1]);
        Assert.Equal(1, types.Count(type => type == AlertRecord));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_close_notify_of_the_client_ends_the_connection(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartHttpsAsync(transport, certificate);

        await using TlsClient client = await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate));
        await client.SendCloseNotifyAsync();
        Assert.Empty(await client.ReadToEndAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_of_the_server_ends_idle_sessions(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartHttpsAsync(transport, certificate);

        await using TlsClient client = await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate));
        await server.Logs.FindAsync(entry => entry.Is("HttpsConnectionEstablished")).Within();
        Task stop = server.StopAsync();
        Assert.Empty(await client.ReadToEndAsync());
        await stop.Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_client_that_does_not_shake_hands_is_cut_off(TransportKind candidate)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            using X509Certificate2 certificate = NamedCertificate.Create("localhost");
            TestServer server = await StartHttpsAsync(transport, certificate, TimeSpan.FromMilliseconds(200));

            using RawClient silent = await server.ConnectAsync();
            await transcript.StepAsync("silent", "end", () => DescribeEndAsync(silent));
            using RawClient stuck = await server.ConnectAsync();
            await stuck.SendAsync(s_clientHello.AsMemory(0, 20));
            await transcript.StepAsync("stuck", "end", () => DescribeEndAsync(stuck));
            await AddLogsAsync(server, transcript);
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Garbage_on_a_TLS_port_ends_its_connection_alone(TransportKind candidate)
    {
        (string Name, byte[] Bytes)[] garbage =
        [
            ("zeros", new byte[100]),
            ("text", Encoding.ASCII.GetBytes(new string('x', 100))),
            ("clear HTTP", Encoding.ASCII.GetBytes(RawClient.Get("/"))),
            ("application data", [23, 3, 3, 0, 5, 1, 2, 3, 4, 5]),
            ("broken ClientHello", [.. s_clientHello[..5], .. Enumerable.Repeat((byte)0xff, 45)]),
        ];
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            using X509Certificate2 certificate = NamedCertificate.Create("localhost");
            TestServer server = await StartHttpsAsync(transport, certificate);

            await using TlsClient witness = await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate));
            foreach ((string name, byte[] bytes) in garbage)
            {
                using RawClient client = await server.ConnectAsync();
                await client.SendAsync(bytes);
                await transcript.StepAsync("client", name, () => DescribeEndAsync(client));
            }

            Assert.Equal("hello", await witness.GetAsync("/"));
            await AddLogsAsync(server, transcript);
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_ClientHello_on_a_clear_port_is_answered_with_400_and_the_end(TransportKind candidate)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            TestServer server =
                await StartAsync(transport, context => context.Response.WriteAsync("hello"), new TestServerSetup
                {
                    Listen = options => options.Protocols = HttpProtocols.Http1,
                });

            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(s_clientHello);
            HttpReply reply = await client.ReadReplyAsync();
            Assert.Equal(400, reply.Status);
            transcript.Add(
                "client",
                $"{reply.Status} {string.Join(' ', reply.Headers.Keys.Order(StringComparer.Ordinal))}");
            await transcript.StepAsync("client", "end", () => DescribeEndAsync(client));
            await AddLogsAsync(server, transcript);
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_reset_within_the_session_aborts_the_request(TransportKind transport)
    {
        var request = new HangingRequest();
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartAsync(
            transport,
            request.HandleAsync,
            new TestServerSetup { Listen = options => options.UseHttps(certificate) });

        await using TlsClient client = await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate));
        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;
        client.Reset();
        await request.UntilAborted;
    }

    private static async Task<IReadOnlyList<int>> GetRecordTypesAsync(TestServer server, X509Certificate2 certificate)
    {
        RecordingStream? wire = null;
        await using TlsClient client =
            await TlsClient.ConnectAsync(server.EndPoint, stream => wire = new RecordingStream(stream));
        // With TLS 1.2 the type of a record stays readable.
        await client.HandshakeAsync(TlsClient.Trust(certificate, version: SslProtocols.Tls12));
        Assert.Equal("hello", await client.GetAsync("/"));
        // SslStream stops reading at an alert; nothing but FIN may follow.
        Assert.Equal(0, await wire!.ReadAsync(new byte[1]).Within());
        return wire.RecordTypes();
    }

    /// <summary>The bytes are an alert at most, and what it says is not the transport's.</summary>
    private static async Task<string> DescribeEndAsync(RawClient client)
    {
        byte[] last = await client.ReadToEndAsync();
        return $"{(last.Length == 0 ? "nothing" : $"record {last[0]}")} and FIN";
    }

    private static async Task AddLogsAsync(TestServer server, Transcript transcript)
    {
        await server.StopAsync().Within();
        transcript.AddLog(server.Logs);
        foreach (LogEntry entry in server.Logs.Entries.Where(
            entry => entry.Is("AuthenticationFailed") || entry.Is("AuthenticationTimedOut") || entry.Is(
                "ConnectionBadRequest")))
        {
            transcript.Add("kestrel", Observe.Describe(entry));
        }
    }

    private Task<TestServer> StartHttpsAsync(
        TransportKind transport, X509Certificate2 certificate, TimeSpan? handshakeTimeout = null)
    {
        return StartAsync(transport, context => context.Response.WriteAsync("hello"), new TestServerSetup
        {
            Listen = options => options.UseHttps(
                certificate, https => https.HandshakeTimeout = handshakeTimeout ?? https.HandshakeTimeout),
        });
    }
}
