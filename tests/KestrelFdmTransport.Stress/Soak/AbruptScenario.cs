using System;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>
/// Connections that are reset at any moment, and ones that say nothing until the server has had enough.
/// </summary>
internal sealed class AbruptScenario(SoakServer server, SoakCounters figures, Random random)
    : ClientScenario(server, figures, random)
{
    internal override Task RunAsync() => Random.Next(3) == 0 ? StaySilentAsync() : ResetAsync();

    private async Task ResetAsync()
    {
        using Socket socket = await ConnectAsync(Random.Next(3) switch
        {
            0 => Server.Tls,
            1 => Server.ClearHttp2,
            _ => Server.Clear,
        });
        const int Length = 1_000_000;
        string request = Random.Next(3) switch
        {
            0 => "",
            1 => $"GET {Path(SoakRoutes.Plain, NextTag(), Length)} HTTP/1.1\r\nHost: soak\r\n\r\n",
            _ => $"POST {Path(SoakRoutes.Upload, NextTag(), Length)} HTTP/1.1\r\nHost: soak\r\nContent-Length: "
                + $"{Length}\r\n\r\n",
        };
        await SendAsync(socket, Encoding.ASCII.GetBytes(request[..Random.Next(request.Length + 1)]));
        if (Random.Next(2) == 0)
        {
            await Task.Delay(Random.Next(10));
        }

        Figures.CountReset();
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
    }

    private async Task StaySilentAsync()
    {
        using Socket socket = await ConnectAsync(Server.Impatient);
        byte[] buffer = new byte[1];
        try
        {
            if (await socket.ReceiveAsync(buffer.AsMemory()) != 0)
            {
                Figures.Report("A silent connection has received something.");
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // That is how an abort looks here.
        }

        Figures.CountTimeout();
    }
}
