using System;
using System.IO;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>A stream over a TCP connection, and the socket at its other end.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Peer">The other end.</param>
internal sealed record StreamUnderTest(Stream Stream, Socket Peer)
{
    /// <summary>Opens a connection as a stream of this library, or, with no factory, of .NET's.</summary>
    public static async Task<StreamUnderTest> OpenAsync(FdmConnectionFactory? factory)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        // An unread write fills the peer's buffers; they are small, so that it waits soon.
        listener.ReceiveBufferSize = 64 * 1024;
        listener.Bind(TestServerSetup.FreeLoopbackPort);
        listener.Listen();
        Stream stream;
        if (factory is null)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(listener.LocalEndPoint!).Within("a connection");
            stream = new NetworkStream(socket, ownsSocket: true);
        }
        else
        {
            stream = await factory.ConnectStreamAsync(listener.LocalEndPoint!).Within("a connection");
        }

        return new StreamUnderTest(stream, await listener.AcceptAsync().Within("an accepted connection"));
    }

    public void ResetByPeer()
    {
        Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        Peer.Dispose();
    }

    /// <summary>Reads what the peer gets until its end, which is a FIN or a reset.</summary>
    public async Task<string> DrainAsync()
    {
        byte[] buffer = new byte[1024 * 1024];
        try
        {
            while (await Peer.ReceiveAsync(buffer).Within("bytes or the end of the stream's connection") > 0)
            {
            }

            return "FIN";
        }
        catch (SocketException exception)
        {
            return $"{exception.SocketErrorCode}";
        }
        catch (ObjectDisposedException)
        {
            return "closed before";
        }
    }
}
