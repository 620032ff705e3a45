using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>The same answers over this transport with its defaults, and no Kestrel above it.</summary>
internal static class TransportServer
{
    internal static async Task RunAsync(Action<int> listening)
    {
        var options = new FdmTransportOptions { Backlog = ServerKind.Backlog };
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        listening(((IPEndPoint)listener.EndPoint).Port);
        while (await listener.AcceptAsync() is { } connection)
        {
            _ = AnswerAsync(connection);
        }
    }

    private static async Task AnswerAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        try
        {
            while (true)
            {
                ReadResult result = await input.ReadAsync();
                if (result.Buffer.IsEmpty && result.IsCompleted)
                {
                    break;
                }

                input.AdvanceTo(result.Buffer.End);
                output.Write(Reply.Bytes);
                await output.FlushAsync();
            }
        }
        catch (Exception exception) when (exception is ConnectionResetException or SocketException)
        {
            // The harness resets the idle connections.
        }

        await connection.DisposeAsync();
    }
}
