using System;
using System.Net.Sockets;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Receiving. Everything here belongs to the loop's owner, save for what tells.</content>
internal sealed partial class ConnectionIo
{
    /// <summary>
    /// What one serve may receive before it is the next connection's turn. A call counts as half a block at least.
    /// </summary>
    private const int MaxReceiveShare = 64 * 1024;

    private const int MinimumReceived = EndpointBuffers.BlockSize / 2;

    private bool _readable;
    private bool _readToEnd;
    private bool _inputEnded;
    private bool _pauseLogged;
    private Exception? _memoryFailure;

    private void UpdateReadiness(uint events)
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
    /// Receives until the socket is drained, the share is used up or the application is too far behind. Whoever stops
    /// early leaves <see cref="_readable"/> set, because edge triggering will not say it again.
    /// </summary>
    private Completion Receive(in Completion before)
    {
        if (IsSocketDisposed && !_inputEnded)
        {
            return OnExposedSocketDisposed(before);
        }

        if (!_readable || _inputEnded || Reader.IsPaused || IsShutDown)
        {
            return before;
        }

        int total = 0;
        int share = MaxReceiveShare;
        Completion completion = before;
        while (share > 0)
        {
            if (!Reader.TryBeginReceive(out Span<byte> space))
            {
                if (total > 0)
                {
                    Buffers.GrowRefill(Loop);
                    break;
                }

                completion = OnBufferNeeded(completion);
                break;
            }

            int received = ReceiveOnce(space, out bool drained, ref completion);
            if (received <= 0)
            {
                break;
            }

            // By the call as well: where a short read does not end the serve, a peer that sends byte by byte could keep
            // the loop.
            share -= Math.Max(received, MinimumReceived);
            total += received;
            if (Reader.TryPause())
            {
                _pauseLogged = true;
                Loop.OnReadPaused();
                completion = completion with { Flags = completion.Flags | CompletionFlags.Paused };
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
            RecordActivity();
        }

        Reader.ReturnSpare();
        if (_readable && !_inputEnded && !Reader.IsPaused && !completion.HasFlag(Completion.NeedsBuffer))
        {
            Loop.Requeue(this);
        }

        return total > 0 ? completion with { Flags = completion.Flags | CompletionFlags.Received } : completion;
    }

    /// <summary>A callback fetches a block, once; if there is none, it is the end of this connection only.</summary>
    private Completion OnBufferNeeded(in Completion before)
    {
        if (_memoryFailure is { } failure)
        {
            return OnInputEnd(before, CompletionFlags.Error, failure);
        }

        return before with { Flags = before.Flags | Completion.NeedsBuffer };
    }

    /// <summary>The pool may be disposed with its endpoint, or out of memory. The next serve finds out.</summary>
    private void RefillBuffers()
    {
        try
        {
            Buffers.Refill(Loop);
            _memoryFailure = null;
        }
        catch (Exception exception)
        {
            _memoryFailure = exception;
        }
    }

    /// <summary>One <c>recv</c>: the bytes received, or zero or less when there is nothing to go on with.</summary>
    private int ReceiveOnce(Span<byte> space, out bool drained, ref Completion completion)
    {
        int result = Sys.Receive(_descriptor, space);
        drained = result < space.Length && !_readToEnd;
        if (result > 0 && !Reader.IsCompleted)
        {
            Reader.EndReceive(result);
            return result;
        }

        Reader.EndReceive(0);
        if (IsSocketDisposed)
        {
            completion = OnExposedSocketDisposed(completion);
            return 0;
        }

        switch (result)
        {
            case > 0:
                // The application has completed its reader: like Sockets, completion it with the first bytes nobody
                // wants.
                completion = OnReaderCompleted(completion);
                break;
            case 0:
                completion = OnInputEnd(completion, IsShutDown ? 0 : CompletionFlags.Fin, null);
                break;
            case -Errno.EAGAIN:
                _readable = false;
                break;
            default:
                completion = OnReceiveError(completion, -result);
                break;
        }

        return 0;
    }

    private Completion Resume()
    {
        if (_inputEnded)
        {
            return Completion.None;
        }

        var completion = Completion.None;
        if (IsSocketDisposed && !IsShutDown)
        {
            return OnExposedSocketDisposed(completion);
        }

        if (_pauseLogged)
        {
            // Sockets' flush throws what the reader was completed with, and does not come to its line about resuming.
            _pauseLogged = !Reader.IsCompleted || Reader.CompletionError is null;
            completion = ClearPause(completion);
            if (Reader.IsCompleted)
            {
                return OnReaderCompleted(completion);
            }
        }

        if (_readable && !Reader.IsPaused)
        {
            Loop.Requeue(this);
        }

        return completion;
    }

    private Completion ClearPause(in Completion before)
    {
        if (!_pauseLogged)
        {
            return before;
        }

        _pauseLogged = false;
        return before with { Flags = before.Flags | CompletionFlags.Resumed };
    }

    private Completion OnReaderCompleted(in Completion before)
        => OnInputEnd(before, Reader.CompletionError is null ? 0 : CompletionFlags.Error, Reader.CompletionError);

    private Completion OnExposedSocketDisposed(in Completion before)
        => OnInputEnd(before, IsShutDown ? 0 : CompletionFlags.Error, CreateSocketDisposedException());

    private Completion OnReceiveError(in Completion before, int errno)
    {
        if (IsShutDown)
        {
            return OnInputEnd(before, 0, null);
        }

        SocketException error = SocketErrors.Exception(errno);
        return SocketErrors.IsReset(errno)
            ? OnInputEnd(before, CompletionFlags.Reset, new ConnectionResetException(error.Message, error))
            : OnInputEnd(before, CompletionFlags.Error, error);
    }

    /// <summary>The input is over, which is told once.</summary>
    private Completion OnInputEnd(in Completion before, int how, Exception? error)
    {
        if (_inputEnded)
        {
            return before;
        }

        Completion completion = ClearPause(before);
        _inputEnded = true;
        _readable = false;
        return completion with { Flags = completion.Flags | CompletionFlags.InputEnded | how, Error = error };
    }

    /// <summary>Any thread. If the connection was shut down, that is the reason, whatever the socket said.</summary>
    private void CompleteInput(in Completion completion)
    {
        string id = Connection.ConnectionId;
        if (completion.HasFlag(CompletionFlags.Fin))
        {
            Log.ConnectionReadFin(Settings.Logger, id);
        }
        else if (completion.HasFlag(CompletionFlags.Reset))
        {
            Log.ConnectionReset(Settings.Logger, id);
        }
        else if (completion.HasFlag(CompletionFlags.Error))
        {
            Log.ConnectionError(Settings.Logger, id, completion.Error!);
        }

        Reader.CompleteProducer(ShutdownReason ?? completion.Error);
        Connection.FireConnectionClosed();
    }
}
