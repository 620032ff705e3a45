using System;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Handoffs;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>Messages that have to come back as they were.</summary>
internal sealed class WebSocketScenario(SoakServer server, SoakCounters figures, Random random)
    : ClientScenario(server, figures, random)
{
    private const int MaxMessages = 60;

    internal override async Task RunAsync()
    {
        using var socket = new ClientWebSocket();
        socket.Options.Proxy = null;
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => Server.IsOwn(certificate);
        string address = Random.Next(2) == 0 ? $"ws://{Server.Clear}" : $"wss://{Server.Tls}";
        await socket.ConnectAsync(new Uri(address + SoakRoutes.WebSocketPath), CancellationToken.None);
        int messages = Random.Next(MaxMessages);
        for (int i = 0; i < messages; i++)
        {
            await EchoAsync(socket, NextTag(), 1 + Random.Next(5_000));
        }

        if (Random.Next(8) == 0)
        {
            Figures.CountReset();
            socket.Abort();
            return;
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, CancellationToken.None);
    }

    private async Task EchoAsync(ClientWebSocket socket, int tag, int length)
    {
        byte[] sent = new byte[length];
        TaggedStream.Fill(sent, tag, 0);
        byte[] received = new byte[length + 1];
        await socket.SendAsync(
            sent.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        int count = 0;
        ValueWebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(received.AsMemory(count), CancellationToken.None);
            count += result.Count;
        }
        while (!result.EndOfMessage && result.MessageType == WebSocketMessageType.Binary && count <= length);

        if (!received.AsSpan(0, count).SequenceEqual(sent))
        {
            Figures.Report($"The message {tag} of {length} bytes came back wrong, with {count} bytes.");
        }

        Figures.CountMessage();
    }
}
