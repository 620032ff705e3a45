using System;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;

namespace HelloFdm;

internal static class WebSocketEcho
{
    /// <summary>Sends back every frame until the client closes, goes away or the request is aborted.</summary>
    public static async Task RunAsync(WebSocket socket, CancellationToken aborted)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult received = await socket.ReceiveAsync(buffer.AsMemory(), aborted);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    // The client's status is sent back, which completes the handshake.
                    await socket.CloseOutputAsync(
                        socket.CloseStatus is null or WebSocketCloseStatus.Empty
                            ? WebSocketCloseStatus.NormalClosure
                            : socket.CloseStatus.Value,
                        statusDescription: null,
                        aborted);
                    return;
                }

                await socket.SendAsync(
                    buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, aborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The client went away without closing, or the server stops: a close frame would reach no client.
        }
    }
}
