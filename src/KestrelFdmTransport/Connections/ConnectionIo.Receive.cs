using System;
using System.Net.Sockets;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Receiving. Everything here belongs to the loop's owner.</content>
internal sealed partial class ConnectionIo
{
    /// <summary>What one serve may receive before it is the next connection's turn.</summary>
    private const int ReceiveShare = 64 * 1024;

    private bool _readable;
    private bool _readToEnd;
    private bool _inputEnded;
    private bool _pauseLogged;

    private void NoteReadiness(uint events)
    {
        const uint Readable = EpollFlags.In | EpollFlags.Pri | EpollFlags.RdHup | EpollFlags.Hup | EpollFlags.Err;
        const uint NoShortcut = EpollFlags.Pri | EpollFlags.RdHup | EpollFlags.Hup | EpollFlags.Err;
        if ((events & Readable) != 0)
        {
            _readable = true;
        }

        // A read stops at an urgent mark, and no further edge announces an end that is already there.
        if ((events & NoShortcut) != 0)
        {
            _readToEnd = true;
        }
    }

    /// <summary>
    /// Receives until the socket is drained, the share is used up or the application is too far behind. Whoever stops early
    /// leaves <see cref="_readable"/> set, because edge triggering will not say it again.
    /// </summary>
    private void Receive()
    {
        if (IsSocketGone && !_inputEnded)
        {
            OnSocketGone();
        }

        if (!_readable || _inputEnded || Reader.IsPaused || IsShutDown)
        {
            return;
        }

        int total = 0;
        try
        {
            while (total < ReceiveShare)
            {
                int received = ReceiveOnce(out bool drained);
                if (received <= 0)
                {
                    break;
                }

                total += received;
                if (Reader.TryPause())
                {
                    _pauseLogged = true;
                    Log.ConnectionPause(Settings.Logger, Connection.ConnectionId);
                    break;
                }

                if (drained)
                {
                    _readable = false;
                    break;
                }
            }
        }
        catch (Exception exception)
        {
            // The pool has no block for us: disposed with its endpoint, or out of memory. It is this connection's end only.
            Log.ConnectionError(Settings.Logger, Connection.ConnectionId, exception);
            EndInput(exception);
        }

        Reader.DropFresh();
        if (_readable && !_inputEnded && !Reader.IsPaused)
        {
            Loop.Requeue(this);
        }

        // Last: the callback may run here, and whatever came after it would wait for it.
        if (total > 0)
        {
            Reader.Notify();
        }
    }

    /// <summary>One <c>recv</c>: the bytes received, or zero or less when there is nothing to go on with.</summary>
    private int ReceiveOnce(out bool drained)
    {
        Span<byte> space = Reader.BeginReceive();
        int result = Sys.Receive(_descriptor, space);
        drained = result < space.Length && !_readToEnd;
        if (result > 0 && !Reader.IsCompleted)
        {
            Reader.EndReceive(result);
            return result;
        }

        Reader.EndReceive(0);
        if (IsSocketGone)
        {
            OnSocketGone();
            return 0;
        }

        switch (result)
        {
            case > 0:
                // The application has completed its reader: like Sockets, notice it with the first bytes nobody wants.
                OnReaderCompleted();
                break;
            case 0:
                if (!IsShutDown)
                {
                    Log.ConnectionReadFin(Settings.Logger, Connection.ConnectionId);
                }

                EndInput(null);
                break;
            case -Errno.EAGAIN:
                _readable = false;
                break;
            default:
                OnReceiveError(-result);
                break;
        }

        return 0;
    }

    private void Resume()
    {
        if (_inputEnded)
        {
            return;
        }

        if (IsSocketGone && !IsShutDown)
        {
            OnSocketGone();
            return;
        }

        if (_pauseLogged)
        {
            // Sockets' flush throws what the reader was completed with, and does not come to its line about resuming.
            _pauseLogged = !Reader.IsCompleted || Reader.CompletionError is null;
            LogResume();
            if (Reader.IsCompleted)
            {
                OnReaderCompleted();
                return;
            }
        }

        if (_readable && !Reader.IsPaused)
        {
            Loop.Requeue(this);
        }
    }

    private void LogResume()
    {
        if (_pauseLogged)
        {
            _pauseLogged = false;
            Log.ConnectionResume(Settings.Logger, Connection.ConnectionId);
        }
    }

    private void OnReaderCompleted()
    {
        if (Reader.CompletionError is { } error)
        {
            Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error);
            EndInput(error);
        }
        else
        {
            EndInput(null);
        }
    }

    private void OnSocketGone()
    {
        SocketException error = SocketGone();
        if (!IsShutDown)
        {
            Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error);
        }

        EndInput(error);
    }

    private void OnReceiveError(int errno)
    {
        if (IsShutDown)
        {
            EndInput(null);
            return;
        }

        SocketException error = SocketErrors.Exception(errno);
        if (SocketErrors.IsReset(errno))
        {
            Log.ConnectionReset(Settings.Logger, Connection.ConnectionId);
            EndInput(new ConnectionResetException(error.Message, error));
        }
        else
        {
            Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error);
            EndInput(error);
        }
    }

    /// <summary>The input is over. If the connection was shut down, that is the reason, whatever the socket said.</summary>
    private void EndInput(Exception? error)
    {
        if (_inputEnded)
        {
            return;
        }

        LogResume();
        _inputEnded = true;
        _readable = false;
        Reader.EndProducer(ShutdownReason ?? error);
        Connection.FireConnectionClosed();
    }
}
