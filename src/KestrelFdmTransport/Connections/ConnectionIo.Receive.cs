using System;
using System.Net.Sockets;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Receiving. Everything here belongs to the loop's owner, save for what tells.</content>
internal sealed partial class ConnectionIo
{
    /// <summary>What one serve may receive before it is the next connection's turn. A call counts as half a block at least.</summary>
    private const int ReceiveShare = 64 * 1024;

    private const int MinimumReceived = BlockCache.BlockSize / 2;

    private bool _readable;
    private bool _readToEnd;
    private bool _inputEnded;
    private bool _pauseTold;
    private Exception? _memoryFailure;

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
    private Notice Receive(in Notice before)
    {
        if (IsSocketGone && !_inputEnded)
        {
            return OnSocketGone(before);
        }

        if (!_readable || _inputEnded || Reader.IsPaused || IsShutDown)
        {
            return before;
        }

        int total = 0;
        int share = ReceiveShare;
        Notice notice = before;
        while (share > 0)
        {
            if (!Reader.TryBeginReceive(out Span<byte> space))
            {
                if (total > 0)
                {
                    Blocks.WantMore();
                    break;
                }

                notice = OnNoMemory(notice);
                break;
            }

            int received = ReceiveOnce(space, out bool drained, ref notice);
            if (received <= 0)
            {
                break;
            }

            // By the call as well: where a short read does not end the serve, a peer that sends byte by byte could keep the loop.
            share -= Math.Max(received, MinimumReceived);
            total += received;
            if (Reader.TryPause())
            {
                _pauseTold = true;
                Loop.CountPause();
                notice = notice with { Kinds = notice.Kinds | Told.Paused };
                break;
            }

            if (drained)
            {
                _readable = false;
                break;
            }
        }

        if (total > 0)
        {
            NoteActivity();
        }

        Reader.DropFresh();
        if (_readable && !_inputEnded && !Reader.IsPaused && !notice.Has(Notice.MemoryWanted))
        {
            Loop.Requeue(this);
        }

        return total > 0 ? notice with { Kinds = notice.Kinds | Told.Received } : notice;
    }

    /// <summary>Another thread's memory is asked for, once; if there is none, it is the end of this connection only.</summary>
    private Notice OnNoMemory(in Notice before)
    {
        if (_memoryFailure is { } failure)
        {
            return EndInput(before, Told.Error, failure);
        }

        return before with { Kinds = before.Kinds | Notice.MemoryWanted };
    }

    /// <summary>The pool may be disposed with its endpoint, or out of memory. The next serve finds out.</summary>
    private void FetchMemory()
    {
        try
        {
            Blocks.Fetch();
            _memoryFailure = null;
        }
        catch (Exception exception)
        {
            _memoryFailure = exception;
        }
    }

    /// <summary>One <c>recv</c>: the bytes received, or zero or less when there is nothing to go on with.</summary>
    private int ReceiveOnce(Span<byte> space, out bool drained, ref Notice notice)
    {
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
            notice = OnSocketGone(notice);
            return 0;
        }

        switch (result)
        {
            case > 0:
                // The application has completed its reader: like Sockets, notice it with the first bytes nobody wants.
                notice = OnReaderCompleted(notice);
                break;
            case 0:
                notice = EndInput(notice, IsShutDown ? 0 : Told.Fin, null);
                break;
            case -Errno.EAGAIN:
                _readable = false;
                break;
            default:
                notice = OnReceiveError(notice, -result);
                break;
        }

        return 0;
    }

    private Notice Resume()
    {
        if (_inputEnded)
        {
            return Notice.Nothing;
        }

        var notice = Notice.Nothing;
        if (IsSocketGone && !IsShutDown)
        {
            return OnSocketGone(notice);
        }

        if (_pauseTold)
        {
            // Sockets' flush throws what the reader was completed with, and does not come to its line about resuming.
            _pauseTold = !Reader.IsCompleted || Reader.CompletionError is null;
            notice = TellResumed(notice);
            if (Reader.IsCompleted)
            {
                return OnReaderCompleted(notice);
            }
        }

        if (_readable && !Reader.IsPaused)
        {
            Loop.Requeue(this);
        }

        return notice;
    }

    private Notice TellResumed(in Notice before)
    {
        if (!_pauseTold)
        {
            return before;
        }

        _pauseTold = false;
        return before with { Kinds = before.Kinds | Told.Resumed };
    }

    private Notice OnReaderCompleted(in Notice before)
        => EndInput(before, Reader.CompletionError is null ? 0 : Told.Error, Reader.CompletionError);

    private Notice OnSocketGone(in Notice before) => EndInput(before, IsShutDown ? 0 : Told.Error, SocketGone());

    private Notice OnReceiveError(in Notice before, int errno)
    {
        if (IsShutDown)
        {
            return EndInput(before, 0, null);
        }

        SocketException error = SocketErrors.Exception(errno);
        return SocketErrors.IsReset(errno)
            ? EndInput(before, Told.Reset, new ConnectionResetException(error.Message, error))
            : EndInput(before, Told.Error, error);
    }

    /// <summary>The input is over, which is told once.</summary>
    private Notice EndInput(in Notice before, int how, Exception? error)
    {
        if (_inputEnded)
        {
            return before;
        }

        Notice notice = TellResumed(before);
        _inputEnded = true;
        _readable = false;
        return notice with { Kinds = notice.Kinds | Told.InputEnded | how, Error = error };
    }

    /// <summary>Any thread. If the connection was shut down, that is the reason, whatever the socket said.</summary>
    private void TellEnd(in Notice notice)
    {
        string id = Connection.ConnectionId;
        if (notice.Has(Told.Fin))
        {
            Log.ConnectionReadFin(Settings.Logger, id);
        }
        else if (notice.Has(Told.Reset))
        {
            Log.ConnectionReset(Settings.Logger, id);
        }
        else if (notice.Has(Told.Error))
        {
            Log.ConnectionError(Settings.Logger, id, notice.Error!);
        }

        Reader.EndProducer(ShutdownReason ?? notice.Error);
        Connection.FireConnectionClosed();
    }
}
