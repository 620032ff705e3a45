using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ReverseProxy;

/// <summary>A server to forward to: it says what it was asked, and sends WebSocket messages back.</summary>
internal static class Backend
{
    /// <summary>The first address speaks HTTP/1.1, the second HTTP/2.</summary>
    public static WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseFdmTransport().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddRouting();
        WebApplication backend = builder.Build();
        backend.UseWebSockets();
        backend.Map("/ws", EchoAsync);
        backend.MapFallback((HttpRequest request) => $"{request.Method} {request.Path} over {request.Protocol}\n");
        return backend;
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted) is
            { MessageType: not WebSocketMessageType.Close } received)
        {
            ReadOnlyMemory<byte> message = buffer.AsMemory(0, received.Count);
            await socket.SendAsync(
                message, received.MessageType, received.EndOfMessage, context.RequestAborted);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, context.RequestAborted);
    }
}
