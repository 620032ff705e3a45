using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

/// <summary>Connection middleware that looks at the first bytes to decide who gets them all.</summary>
public sealed class SniffingTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int HeadLength = 4;
    private const int TlsHandshakeRecord = 22;

    [Theory, MemberData(nameof(OnAll))]
    public async Task The_first_bytes_choose_between_HTTP_and_another_protocol(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath, new TestServerSetup { Listen = Sniff });

        foreach (bool dribble in new[] { false, true })
        {
            using RawClient http = await server.ConnectAsync();
            await SendAsync(http, RawClient.Get("/sniffed"), dribble);
            Assert.Equal("/sniffed", (await http.ReadReplyAsync()).Text);
            Assert.Equal("/again", (await http.GetAsync("/again")).Text);

            using RawClient raw = await server.ConnectAsync();
            await SendAsync(raw, "ECHO and so on", dribble);
            Assert.Equal("ECHO and so on", await raw.ReadTextAsync(14));
            raw.HalfClose();
            await raw.AssertFinAsync();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_sends_less_than_a_head_is_let_go(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath, new TestServerSetup { Listen = Sniff });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("EC");
        client.HalfClose();
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task One_port_serves_TLS_and_clear_text(TransportKind transport)
    {
        using X509Certificate2 certificate = NamedCertificate.Create("localhost");
        TestServer server = await StartAsync(
            transport,
            context => context.Response.WriteAsync(context.Request.Scheme),
            new TestServerSetup
            {
                Listen = options =>
                {
                    ConnectionDelegate? http = null;
                    options.Use(https => async connection =>
                    {
                        PipeReader input = connection.Transport.Input;
                        ReadOnlySequence<byte> head = await PeekAsync(input);
                        bool isTls = !head.IsEmpty && head.FirstSpan[0] == TlsHandshakeRecord;
                        input.AdvanceTo(head.Start, head.Start);
                        await (isTls ? https(connection) : http!(connection));
                    });
                    options.UseHttps(certificate);
                    options.Use(next => http = next);
                },
            });

        await using TlsClient tls = await TlsClient.ConnectAsync(server.EndPoint, TlsClient.Trust(certificate));
        Assert.Equal("https", await tls.GetAsync("/"));
        using RawClient clear = await server.ConnectAsync();
        Assert.Equal("http", (await clear.GetAsync("/")).Text);
    }

    private static Task AnswerWithPath(HttpContext context) => context.Response.WriteAsync(context.Request.Path.Value!);

    private static async Task SendAsync(RawClient client, string text, bool dribble)
    {
        if (!dribble)
        {
            await client.SendAsync(text);
            return;
        }

        foreach (char one in text)
        {
            await client.SendAsync($"{one}");
        }
    }

    /// <summary>The first bytes, which are examined and not consumed; fewer at the end of the input.</summary>
    private static async Task<ReadOnlySequence<byte>> PeekAsync(PipeReader input)
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            if (result.Buffer.Length >= HeadLength || result.IsCompleted)
            {
                return result.Buffer;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    private static void Sniff(ListenOptions options)
    {
        options.Use(next => async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ReadOnlySequence<byte> head = await PeekAsync(input);
            if (head.Length < HeadLength)
            {
                input.AdvanceTo(head.End);
                return;
            }

            bool isEcho = Encoding.ASCII.GetString(head.Slice(0, HeadLength)).Equals("ECHO", StringComparison.Ordinal);
            // Nothing is consumed and nothing examined: the next reader has it all at once.
            input.AdvanceTo(head.Start, head.Start);
            await (isEcho ? Handlers.EchoRaw(connection) : next(connection));
        });
    }
}
