using System;
using System.Net.Http;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.WebSockets;

/// <summary>WebSockets that end without the handshake that should end them.</summary>
public sealed class WebSocketEndTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string Upgrade =
        "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n";

    private static readonly byte[] s_frame = [0x81, 0x82, 0, 0, 0, 0, (byte)'h', (byte)'i'];

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_reset_of_the_client_ends_the_servers_receive(TransportKind candidate)
        => CompareClientEndAsync(candidate, client => client.Reset());

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_FIN_of_the_client_without_a_close_ends_the_servers_receive(TransportKind candidate)
        => CompareClientEndAsync(candidate, client => client.HalfClose());

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_FIN_of_the_client_within_a_frame_ends_the_servers_receive(TransportKind candidate)
    {
        return CompareClientEndAsync(candidate, client =>
        {
            client.Send("\u0001");
            client.HalfClose();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_abort_of_the_servers_socket_resets_the_client(TransportKind candidate)
        => await CompareServerEndAsync(candidate, (_, socket) => socket.Abort());

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_abort_of_the_request_resets_the_client(TransportKind candidate)
        => await CompareServerEndAsync(candidate, (context, _) => context.Abort());

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_handler_that_returns_without_a_close_ends_the_clients_receive(TransportKind candidate)
        => await CompareServerEndAsync(candidate, (_, _) => { });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_of_one_socket_of_a_connection_of_HTTP_2_ends_no_other(TransportKind transport)
    {
        int sockets = 0;
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                if (Interlocked.Increment(ref sockets) % 2 == 0)
                {
                    await Sockets.ReceiveTextAsync(socket);
                    socket.Abort();
                    return;
                }

                await Sockets.EchoAsync(socket);
            },
            new TestServerSetup
            {
                Pipeline = app => app.UseWebSockets(),
                Listen = options => options.Protocols = HttpProtocols.Http2,
            });
        using HttpClient http2 = Sockets.CreateHttp2Client(server);
        using ClientWebSocket steady = await Sockets.ConnectAsync(server, http2);

        for (int i = 0; i < 10; i += 2)
        {
            using ClientWebSocket aborted = await Sockets.ConnectAsync(server, http2);
            await Sockets.SendAsync(aborted, "end");
            await Assert.ThrowsAnyAsync<WebSocketException>(() => Sockets.ReceiveTextAsync(aborted));
            await Sockets.SendAsync(steady, "steady");
            Assert.Equal("steady", await Sockets.ReceiveTextAsync(steady));
            // The next one is to be aborted again.
            Interlocked.Increment(ref sockets);
        }

        await steady.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Within();
        Assert.Single(server.Logs.Entries, entry => entry.Is("ConnectionStart"));
    }

    private static async Task ReceiveToTheEndAsync(HttpContext context, Transcript transcript, Signal received)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        Assert.Equal("hi", await Sockets.ReceiveTextAsync(socket));
        // A reset would take away what has not been received.
        received.Set();
        await transcript.StepAsync("server", "receive", () => Sockets.ReceiveTextAsync(socket));
        transcript.Add("server", $"{socket.State}");
        await transcript.StepAsync("server", "send", () => Sockets.SendAsync(socket, "too late"));
    }

    private async Task CompareClientEndAsync(TransportKind candidate, Action<RawClient> end)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            var received = new Signal();
            var done = new Signal();
            TestServer server = await StartWebSocketsAsync(transport, async context =>
            {
                await ReceiveToTheEndAsync(context, transcript, received);
                done.Set();
            });
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(Upgrade);
            Assert.Equal(101, (await client.ReadReplyAsync()).Status);
            await client.SendAsync(s_frame);
            await received.Task.Within();
            end(client);
            // How the server parts is not compared: Kestrel aborts at the client's FIN while the handler returns.
            await done.Task.Within();
        });
    }

    private async Task CompareServerEndAsync(TransportKind candidate, Action<HttpContext, WebSocket> end)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            TestServer server = await StartWebSocketsAsync(transport, async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                Assert.Equal("hi", await Sockets.ReceiveTextAsync(socket));
                end(context, socket);
                await transcript.StepAsync("server", "send", () => Sockets.SendAsync(socket, "last"));
            });
            using ClientWebSocket client = await Sockets.ConnectAsync(server);
            await Sockets.SendAsync(client, "hi");
            await transcript.StepAsync("client", "receive", () => Sockets.ReceiveTextAsync(client));
            await transcript.StepAsync("client", "receive", () => Sockets.ReceiveTextAsync(client));
            await server.StopAsync().Within();
            transcript.AddLog(server.Logs);
        });
    }

    private Task<TestServer> StartWebSocketsAsync(TransportKind transport, RequestDelegate handler)
        => StartAsync(transport, handler, new TestServerSetup { Pipeline = app => app.UseWebSockets() });
}
