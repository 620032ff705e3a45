using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <content>The <see cref="Socket"/> that an application may ask for.</content>
internal sealed partial class ConnectionIo
{
    private Socket? _socket;

    /// <summary>
    /// True once the application has closed the socket that it took while the connection was not shut down.
    /// </summary>
    internal bool IsSocketDisposed => Volatile.Read(ref _socket) is ConnectionSocket { HasEndedConnection: true };

    /// <summary>
    /// A socket with the descriptor's own number; <see cref="ConnectionSocket"/> says who closes that.
    /// </summary>
    internal Socket GetSocket()
    {
        if (Volatile.Read(ref _socket) is null
            && !Sender.TryRunInsideGate(static io => io._socket ??= ConnectionSocket.Create(io)))
        {
            Socket disposed = ConnectionSocket.CreateDisposed(Connection.LocalEndPoint?.AddressFamily, IsUnix);
            Interlocked.CompareExchange(ref _socket, disposed, null);
        }

        return Volatile.Read(ref _socket)!;
    }

    /// <summary>
    /// The application has closed its socket. As on Sockets, the peer sees it at once, the reader learns of it, and the
    /// connection ends when its output does.
    /// </summary>
    internal void OnSocketDisposed()
    {
        // Sockets closes abortively while a receive is pending, which there always is before the peer's FIN.
        Sender.ShutdownAndSend(reset: !_receiver.HasEnded);
        Post(LoopCommand.Resume);
    }
}
