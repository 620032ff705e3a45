using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.WebSockets;

/// <summary>WebSockets over HTTP/1.1 and over a stream of HTTP/2.</summary>
public sealed class WebSocketTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Messages = 1000;

    private static readonly TestServerSetup s_setup = new() { Pipeline = app => app.UseWebSockets() };

    private static readonly TestServerSetup s_http2Setup = new()
    {
        Pipeline = app => app.UseWebSockets(),
        Listen = options => options.Protocols = HttpProtocols.Http2,
    };

    [Theory, MemberData(nameof(OnBoth))]
    public Task Small_messages_in_a_row_come_back_in_order(TransportKind transport)
        => EchoInARowAsync(transport);

    [Theory, MemberData(nameof(OnBoth))]
    public Task Small_messages_in_a_row_come_back_in_order_over_HTTP_2(TransportKind transport)
        => EchoInARowAsync(transport, overHttp2: true);

    [Theory, MemberData(nameof(OnBoth))]
    public Task Compressed_messages_come_back_unharmed(TransportKind transport)
    {
        return EchoInARowAsync(
            transport, configure: options => options.DangerousDeflateOptions = new WebSocketDeflateOptions());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Compressed_messages_are_smaller_on_the_wire(TransportKind transport)
    {
        const int Length = 8 * 1024;
        TestServer server = await StartAsync(transport, EchoCompressed, s_setup);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(
            "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        (int status, Dictionary<string, string> headers) = await client.ReadHeadAsync();
        Assert.Equal(101, status);
        Assert.StartsWith("permessage-deflate", headers["Sec-WebSocket-Extensions"], StringComparison.Ordinal);
        // A final, uncompressed, masked text frame with a mask of zeros.
        await client.SendAsync(
            (byte[])[0x81, 0xFE, Length >> 8, Length & 0xFF, 0, 0, 0, 0, .. Enumerable.Repeat((byte)'a', Length)]);
        byte[] head = await client.ReadExactlyAsync(2);
        // A compressed text frame whose length needs no extension.
        Assert.Equal(0x40, head[0] & 0x40);
        Assert.InRange(head[1], 1, 125);
        await client.ReadExactlyAsync(head[1]);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public Task Both_sides_may_close_at_once(TransportKind transport) => CloseAtOnceAsync(transport, overHttp2: false);

    [Theory, MemberData(nameof(OnBoth))]
    public Task Both_sides_may_close_at_once_over_HTTP_2(TransportKind transport)
        => CloseAtOnceAsync(transport, overHttp2: true);

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_server_may_push_and_close_first(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                for (int i = 0; i < Messages; i++)
                {
                    await Sockets.SendAsync(socket, $"{i}");
                }

                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "enough", CancellationToken.None);
            },
            s_setup);
        using ClientWebSocket client = await Sockets.ConnectAsync(server);

        for (int i = 0; i < Messages; i++)
        {
            Assert.Equal($"{i}", await Sockets.ReceiveTextAsync(client));
        }

        await Sockets.ReceiveCloseAsync(client);
        Assert.Equal("enough", client.CloseStatusDescription);
        await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Several_sockets_share_a_connection_of_HTTP_2_with_requests(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            context => context.WebSockets.IsWebSocketRequest ? Sockets.EchoAsync(context) : context.Response.WriteAsync(
                "request"),
            s_http2Setup);
        using HttpClient http2 = Sockets.CreateHttp2Client(server);
        ClientWebSocket[] sockets = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Sockets.ConnectAsync(server, http2)));

        await Task.WhenAll(sockets.Select(async (socket, i) =>
        {
            for (int round = 0; round < 20; round++)
            {
                await Sockets.SendAsync(socket, $"{i} {round}");
                Assert.Equal($"{i} {round}", await Sockets.ReceiveTextAsync(socket));
                Assert.Equal("request", await http2.GetStringAsync(new Uri("/", UriKind.Relative)));
            }

            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        })).Within();
        Assert.Single(server.Logs.Entries, entry => entry.Is("ConnectionStart"));
        foreach (ClientWebSocket socket in sockets)
        {
            socket.Dispose();
        }
    }

    private static async Task EchoCompressed(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(
            new WebSocketAcceptContext { DangerousEnableCompression = true });
        // The client that looks at the frames leaves without a word.
        await Record.ExceptionAsync(() => Sockets.EchoAsync(socket));
    }

    private static async Task CloseBothWaysAsync(WebSocket socket, string reason)
    {
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason, CancellationToken.None).Within();
        await Sockets.ReceiveCloseAsync(socket);
    }

    private async Task EchoInARowAsync(
        TransportKind transport,
        bool overHttp2 = false,
        Action<ClientWebSocketOptions>? configure = null)
    {
        TestServer server = await StartAsync(
            transport,
            configure is null ? Sockets.EchoAsync : EchoCompressed,
            overHttp2 ? s_http2Setup : s_setup);
        using HttpClient? http2 = overHttp2 ? Sockets.CreateHttp2Client(server) : null;
        using ClientWebSocket client = await Sockets.ConnectAsync(server, http2, configure);

        Task sending = SendInARowAsync(client);
        for (int i = 0; i < Messages; i++)
        {
            Assert.Equal(Text(i), await Sockets.ReceiveTextAsync(client));
        }

        await sending.Within();
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Within();
    }

    private static string Text(int number) => $"{number} {new string((char)('a' + (number % 26)), number % 100)}";

    private static async Task SendInARowAsync(ClientWebSocket client)
    {
        for (int i = 0; i < Messages; i++)
        {
            await Sockets.SendAsync(client, Text(i));
        }
    }

    private async Task CloseAtOnceAsync(TransportKind transport, bool overHttp2)
    {
        var serverIsReady = new Signal();
        var clientIsReady = new Signal();
        var reason = new Signal<string?>();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                serverIsReady.Set();
                await clientIsReady.Task.Within();
                await CloseBothWaysAsync(socket, "server");
                reason.Set(socket.CloseStatusDescription);
            },
            overHttp2 ? s_http2Setup : s_setup);
        using HttpClient? http2 = overHttp2 ? Sockets.CreateHttp2Client(server) : null;
        using ClientWebSocket client = await Sockets.ConnectAsync(server, http2);

        clientIsReady.Set();
        await serverIsReady.Task.Within();
        await CloseBothWaysAsync(client, "client");
        Assert.Equal("server", client.CloseStatusDescription);
        Assert.Equal("client", await reason.Task.Within());
    }
}
