using System;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>Responses that stay open: WebSockets and server-sent events.</summary>
public sealed class StreamingTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_WebSocket_echoes_messages_and_closes_politely(TransportKind transport)
    {
        TestServer server = await StartWebSocketEchoAsync(transport);
        using ClientWebSocket socket = await ConnectWebSocketAsync(server);

        for (int i = 0; i < 100; i++)
        {
            byte[] message = Encoding.UTF8.GetBytes($"message {i}");
            await socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None)
                .Within();
            Assert.Equal(message, await ReceiveMessageAsync(socket, message.Length));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "enough", CancellationToken.None).Within();
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Assert.Equal("enough", socket.CloseStatusDescription);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_WebSocket_echoes_a_message_of_a_megabyte(TransportKind transport)
    {
        TestServer server = await StartWebSocketEchoAsync(transport);
        using ClientWebSocket socket = await ConnectWebSocketAsync(server);

        byte[] message = BytePattern.Default.Create(1024 * 1024);
        Task sending =
            socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        byte[] echo = await ReceiveMessageAsync(socket, message.Length);
        await sending.Within();
        Assert.True(message.AsSpan().SequenceEqual(echo));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_server_sent_event_arrives_while_the_response_is_open(TransportKind transport)
    {
        const int Events = 20;
        using var confirmed = new SemaphoreSlim(0);
        TestServer server = await StartAsync(transport, async context =>
        {
            if (context.Request.Path == "/confirm")
            {
                confirmed.Release();
                return;
            }

            context.Response.ContentType = "text/event-stream";
            for (int i = 0; i < Events; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                Assert.True(await confirmed.WaitAsync(Eventually.Limit));
            }
        });
        using RawClient listener = await server.ConnectAsync();
        using RawClient confirmer = await server.ConnectAsync();

        await listener.SendAsync(RawClient.Get("/events"));
        await listener.ReadHeadAsync();
        for (int i = 0; i < Events; i++)
        {
            Assert.Equal($"data: {i}\n\n", Encoding.ASCII.GetString(await listener.ReadChunkAsync()));
            Assert.Equal(200, (await confirmer.GetAsync("/confirm")).Status);
        }

        Assert.Empty(await listener.ReadChunkAsync());
    }

    private static async Task EchoWebSocket(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            WebSocketReceiveResult part = await socket.ReceiveAsync(buffer, context.RequestAborted);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(part.CloseStatus!.Value, part.CloseStatusDescription, context.RequestAborted);
                return;
            }

            await socket.SendAsync(
                buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, context.RequestAborted);
        }
    }

    private static async Task<ClientWebSocket> ConnectWebSocketAsync(TestServer server)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None).Within();
        return socket;
    }

    private static async Task<byte[]> ReceiveMessageAsync(ClientWebSocket socket, int length)
    {
        byte[] message = new byte[length];
        int received = 0;
        WebSocketReceiveResult part;
        do
        {
            var rest = new ArraySegment<byte>(message, received, length - received);
            part = await socket.ReceiveAsync(rest, CancellationToken.None).Within();
            received += part.Count;
        }
        while (!part.EndOfMessage);
        Assert.Equal(length, received);
        return message;
    }

    private Task<TestServer> StartWebSocketEchoAsync(TransportKind transport)
        => StartAsync(transport, EchoWebSocket, new TestServerSetup { Pipeline = app => app.UseWebSockets() });
}
