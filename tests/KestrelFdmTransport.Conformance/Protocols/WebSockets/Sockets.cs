using System;
using System.Net;
using System.Net.Http;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace KestrelFdmTransport.Conformance.Protocols.WebSockets;

/// <summary>Both ends of WebSockets that several cases share.</summary>
internal static class Sockets
{
    private const int BufferSize = 16 * 1024;

    /// <summary>Sends back all messages and closes when the client does.</summary>
    public static async Task EchoAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        await EchoAsync(socket);
    }

    public static async Task EchoAsync(WebSocket socket)
    {
        byte[] buffer = new byte[BufferSize];
        while (true)
        {
            ValueWebSocketReceiveResult part = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(
                    socket.CloseStatus!.Value, socket.CloseStatusDescription, CancellationToken.None);
                return;
            }

            await socket.SendAsync(
                buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, CancellationToken.None);
        }
    }

    /// <param name="server">Serves WebSockets on every path.</param>
    /// <param name="http2">A client that has the connection of HTTP/2 to share; null for a connection of its own of
    /// HTTP/1.1.</param>
    /// <param name="configure">What else the client wants.</param>
    public static async Task<ClientWebSocket> ConnectAsync(
        TestServer server,
        HttpClient? http2 = null,
        Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.HttpVersion = http2 is null ? HttpVersion.Version11 : HttpVersion.Version20;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
            configure?.Invoke(socket.Options);
            await socket.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), http2, CancellationToken.None).Within();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static HttpClient CreateHttp2Client(TestServer server) => new()
    {
        BaseAddress = server.HttpUrl,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public static Task SendAsync(WebSocket socket, string text)
        => socket.SendAsync(
            Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    public static async Task<string> ReceiveTextAsync(WebSocket socket)
    {
        byte[] buffer = new byte[BufferSize];
        int length = 0;
        ValueWebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None).Within();
            Assert.Equal(WebSocketMessageType.Text, part.MessageType);
            length += part.Count;
        }
        while (!part.EndOfMessage);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>Waits for the other side's close.</summary>
    public static async Task ReceiveCloseAsync(WebSocket socket)
    {
        ValueWebSocketReceiveResult part =
            await socket.ReceiveAsync(new byte[BufferSize].AsMemory(), CancellationToken.None).Within();
        Assert.Equal(WebSocketMessageType.Close, part.MessageType);
    }
}
