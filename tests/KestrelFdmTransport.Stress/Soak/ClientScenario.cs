using System;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>A conversation of one client with the server, over one connection or a few.</summary>
internal abstract class ClientScenario(SoakServer server, SoakCounters figures, Random random)
{
    private static int s_tags;

    protected SoakServer Server => server;

    protected SoakCounters Figures => figures;

    protected Random Random => random;

    internal abstract Task RunAsync();

    /// <summary>Different for every request, so that no response can be taken for another.</summary>
    protected static int NextTag() => Interlocked.Increment(ref s_tags);

    protected static string Path(string what, int tag, int length)
        => string.Create(CultureInfo.InvariantCulture, $"/{what}/{tag}/{length}");

    /// <summary>Mostly short, seldom long.</summary>
    protected int NextLength() => random.Next(20) == 0 ? random.Next(500_000) : random.Next(3_000);

    protected static async Task<Socket> ConnectAsync(IPEndPoint endPoint)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    protected static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }
}
