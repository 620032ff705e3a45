using System.IO.Pipelines;
using System.Net;
using System.Text;
using KestrelFdmTransport;
using Microsoft.AspNetCore.Connections;

namespace TcpEcho;

/// <summary>Sends a text over a connection on an event loop of its own, and prints what comes back.</summary>
internal static class EchoClient
{
    public static async Task RunAsync(EndPoint endPoint, string text)
    {
        await using ServiceProvider services = new ServiceCollection()
            .AddFdmConnectionFactory()
            .Configure<FdmTransportOptions>(options => options.LoopCount = 1)
            .BuildServiceProvider();
        await using ConnectionContext connection =
            await services.GetRequiredService<FdmConnectionFactory>().ConnectAsync(endPoint);
        byte[] sent = Encoding.UTF8.GetBytes(text);
        await connection.Transport.Output.WriteAsync(sent);

        ReadResult read = await connection.Transport.Input.ReadAtLeastAsync(sent.Length);
        Console.WriteLine(Encoding.UTF8.GetString(read.Buffer));
        connection.Transport.Input.AdvanceTo(read.Buffer.End);
    }
}
