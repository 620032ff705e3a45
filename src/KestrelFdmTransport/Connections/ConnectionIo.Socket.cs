using System;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>The <see cref="Socket"/> that an application may ask for.</content>
internal sealed partial class ConnectionIo
{
    private Socket? _socket;
    private int _socketDisposed;

    /// <summary>
    /// A socket with the descriptor's own number; <see cref="ConnectionSocket"/> says who closes that.
    /// </summary>
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
                    return Volatile.Read(ref _socket) ?? CreateDisposedSocket();
                case SendGate.Entry.Entered:
                    return CreateSocketLocked();
                default:
                    // Rare: a first request for the socket at the moment of a send. The holder sends its share and
                    // leaves.
                    wait.SpinOnce();
                    break;
            }
        }
    }

    /// <summary>The connection has ended, and so does what the application still does with its socket.</summary>
    /// <remarks>
    /// On the pool: the base class waits until the handle has been released by everything that uses it, which may be
    /// the application's code.
    /// </remarks>
    private void CloseExposedSocket(ConnectionSocket taken)
    {
        try
        {
            taken.DisposeByTransport();
        }
        catch (Exception exception)
        {
            Log.UnexpectedException(Settings.Logger, Connection.ConnectionId, exception);
        }

        Connection.OnDescriptorClosed();
    }

    /// <summary>True once the application has closed the socket that it took.</summary>
    private bool IsSocketDisposed => Volatile.Read(ref _socketDisposed) != 0;

    /// <summary>The application disposes of its socket. Any thread, once.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="dispose">What the base class does.</param>
    internal void OnSocketDisposing(ConnectionSocket socket, Action<bool> dispose)
    {
        if (!_gate.TryPin())
        {
            // The connection has ended: its number is the handle's, or will be in a moment.
            dispose(true);
            return;
        }

        try
        {
            if (socket.TryDetach(_descriptor))
            {
                dispose(true);
            }
        }
        finally
        {
            if (_gate.Unpin())
            {
                Post(LoopCommand.Close);
            }

            OnSocketDisposed();
        }
    }

    /// <summary>
    /// The application has closed its socket. As on Sockets, the peer sees it at once, the reader learns of it, and the
    /// connection ends when its output does.
    /// </summary>
    private void OnSocketDisposed()
    {
        if (IsShutDown || Interlocked.Exchange(ref _socketDisposed, 1) != 0)
        {
            return;
        }

        // Sockets closes abortively while a receive is pending, which there always is before the peer's FIN.
        _gate.Request(reset: !Volatile.Read(ref _inputEnded));
        Send(Origin.Foreign);
        Post(LoopCommand.Resume);
    }

    private Socket CreateDisposedSocket()
    {
        AddressFamily family = Connection.LocalEndPoint?.AddressFamily ?? AddressFamily.InterNetwork;
        var socket = new Socket(family, SocketType.Stream, _isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        socket.Dispose();
        return Interlocked.CompareExchange(ref _socket, socket, null) ?? socket;
    }

    /// <summary>What Sockets' receive fails with when the socket is closed under it.</summary>
    private static SocketException CreateSocketDisposedException() => new((int)SocketError.OperationAborted);

    private Socket CreateSocketLocked()
    {
        Exception? failure = null;
        if (_socket is null)
        {
            try
            {
                FaultPoints.Hit(FaultPoint.SocketMade);
                Volatile.Write(ref _socket, ConnectionSocket.Create(_descriptor, this));
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        }

        ReturnSent(SendAndRelease(MaxSendShareElsewhere));
        OnSendCompleted(Origin.Foreign);
        return failure is null ? _socket! : throw failure;
    }
}
