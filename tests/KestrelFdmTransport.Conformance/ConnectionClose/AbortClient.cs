using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols.Http2;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>A client that sends one request and reads nothing of the answer.</summary>
internal sealed class AbortClient : IDisposable
{
    private const int Window = 1 << 30;
    private const int Cancel = 8;
    private const int SmallBuffer = 16 * 1024;

    private readonly Socket? _socket;
    private readonly Http2RawClient? _http2;
    private bool _isDisposed;

    private AbortClient(Socket? socket, Http2RawClient? http2)
    {
        _socket = socket;
        _http2 = http2;
    }

    public static async Task<AbortClient> StartAsync(
        AbortProtocol protocol, IPEndPoint endPoint, X509Certificate2 certificate)
    {
        if (protocol == AbortProtocol.Http2)
        {
            // No stream may wait for its window. Kestrel 10.0 ends the timing of such a wait again with every later
            // write (IsTimingWrite stays set), and then never finds the client too slow, on any transport.
            Http2RawClient http2 = await Http2RawClient.ConnectAsync(endPoint, SmallBuffer, Window);
            await http2.SendWindowUpdateAsync(0, Window);
            await http2.SendRequestAsync(1, "/");
            return new AbortClient(null, http2);
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveBufferSize = SmallBuffer
        };
        await socket.ConnectAsync(endPoint).Within();
        Stream stream = new NetworkStream(socket);
        if (protocol == AbortProtocol.Http1OverTls)
        {
            var secure = new SslStream(
                stream, leaveInnerStreamOpen: true, (_, presented, _, _) => certificate.Equals(presented));
            await secure.AuthenticateAsClientAsync("localhost").Within();
            stream = secure;
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(RawClient.Get("/"))).AsTask().Within();
        return new AbortClient(socket, null);
    }

    public async Task EndAsync(AbortSource source)
    {
        switch (source)
        {
            case AbortSource.ClientFin:
                _http2?.Connection.HalfClose();
                _socket?.Shutdown(SocketShutdown.Send);
                break;
            case AbortSource.ClientStreamReset:
                await _http2!.SendResetAsync(1, Cancel);
                break;
            default:
                Dispose();
                break;
        }
    }

    /// <summary>Resets the connection: what it has not read must not keep the server.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _http2?.Connection.Reset();
        _socket?.Close(0);
    }
}
