using System;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Connections;

/// <content>The <see cref="Socket"/> that an application may ask for.</content>
internal sealed partial class ConnectionIo
{
    private ConnectionSocket? _socket;

    /// <summary>
    /// A socket on a duplicate of the descriptor. The application may close it, whenever it likes: the number it holds is
    /// its own.
    /// </summary>
    /// <exception cref="SocketException">No descriptor is left for the duplicate.</exception>
    internal Socket GetSocket()
    {
        if (Volatile.Read(ref _socket) is { } socket)
        {
            return socket;
        }

        // Inside the gate the number is ours.
        var wait = default(SpinWait);
        while (true)
        {
            switch (_gate.TryEnter())
            {
                case SendGate.Entry.Shut:
                    return Volatile.Read(ref _socket) ?? ClosedSocket();
                case SendGate.Entry.Entered:
                    return CreateSocketInsideGate();
                default:
                    // Rare: a first request for the socket at the moment of a send. The holder makes one system call.
                    wait.SpinOnce();
                    break;
            }
        }
    }

    /// <summary>The application has closed its socket: the connection ends as it would if that were the only one.</summary>
    internal void OnSocketDisposed()
        => Shutdown(new SocketException((int)SocketError.OperationAborted), outputError: null);

    private static Socket ClosedSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Dispose();
        return socket;
    }

    private ConnectionSocket CreateSocketInsideGate()
    {
        Exception? failure = null;
        if (_socket is null)
        {
            int duplicate = Sys.Duplicate(_descriptor);
            if (duplicate < 0)
            {
                failure = SocketErrors.Exception(-duplicate);
            }
            else
            {
                try
                {
                    Volatile.Write(ref _socket, new ConnectionSocket(new SafeSocketHandle(duplicate, ownsHandle: true), this));
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            }
        }

        WorkAndLeave();
        AfterSend(Origin.Foreign);
        return failure is null ? _socket! : throw failure;
    }
}
