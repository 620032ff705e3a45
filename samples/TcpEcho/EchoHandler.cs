using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using KestrelFdmTransport;
using Microsoft.AspNetCore.Connections;

namespace TcpEcho;

/// <summary>Sends back what comes, without HTTP. Kestrel calls it for every connection.</summary>
internal sealed partial class EchoHandler(ILogger<EchoHandler> logger) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        IFdmConnectionFeature? feature = connection.Features.Get<IFdmConnectionFeature>();
        if (feature is not null)
        {
            // A client that sends nothing for a minute is disconnected.
            feature.IdleTimeout = TimeSpan.FromMinutes(1);
        }

        await EchoAsync(connection.Transport);
        LogEnd(logger, connection.RemoteEndPoint, feature?.BytesReceived, feature?.LoopIndex);
    }

    private static async Task EchoAsync(IDuplexPipe transport)
    {
        while (true)
        {
            ReadResult read = await transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> memory in read.Buffer)
            {
                transport.Output.Write(memory.Span);
            }

            transport.Input.AdvanceTo(read.Buffer.End);
            FlushResult flushed = await transport.Output.FlushAsync();
            if (read.IsCompleted || flushed.IsCompleted)
            {
                return;
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "{Peer} has sent {Received} bytes to loop {Loop}.")]
    private static partial void LogEnd(ILogger logger, EndPoint? peer, long? received, int? loop);
}
