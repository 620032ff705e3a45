using System;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>Receives what the peer sends: what is known of the socket's input, and how it ends.</summary>
/// <remarks>
/// Belongs to the owner of the connection's loop. A part of <see cref="ConnectionIo"/>, in a field of its own.
/// </remarks>
internal struct ConnectionReceiver
{
    /// <summary>
    /// What one dispatch may receive before the loop goes on to the next connection. A call counts as half a block at
    /// least.
    /// </summary>
    private const int MaxShare = 64 * 1024;

    private const int MinimumReceived = EndpointBuffers.BlockSize / 2;

    private bool _readable;
    private bool _readToEnd;
    private bool _hasEnded;
    private bool _pauseLogged;
    private Exception? _memoryFailure;

    /// <param name="isUnix">A read from a Unix socket stops where passed descriptors or credentials change, so a short
    /// one proves nothing.</param>
    internal ConnectionReceiver(bool isUnix) => _readToEnd = isUnix;

    /// <summary>True once the input is over; any thread may ask.</summary>
    internal bool HasEnded => Volatile.Read(ref _hasEnded);

    /// <summary>True if nothing is left to receive, as far as is known.</summary>
    internal readonly bool IsDrained => !_readable && !_hasEnded;

    internal void UpdateReadiness(uint events)
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
    /// Receives until the socket is drained, the share is used up or the application is too far behind. A dispatch that
    /// stops early leaves <see cref="_readable"/> set, because edge triggering will not say it again.
    /// </summary>
    internal Completion Receive(ConnectionIo io, in Completion before)
    {
        io.AssertOwner();
        if (io.IsSocketDisposed && !_hasEnded)
        {
            return OnSocketDisposed(io, before);
        }

        FdmPipeReader reader = io.Reader;
        if (!_readable || _hasEnded || reader.IsPaused || io.IsShutDown)
        {
            return before;
        }

        int total = 0;
        int share = MaxShare;
        Completion completion = before;
        while (share > 0)
        {
            if (!reader.TryBeginReceive(out Span<byte> space))
            {
                if (total > 0)
                {
                    io.Buffers.GrowRefill(io.Loop);
                    break;
                }

                completion = OnBufferNeeded(completion);
                break;
            }

            int received = ReceiveOnce(io, space, out bool drained, ref completion);
            if (received <= 0)
            {
                break;
            }

            // By the call as well: where a short read does not end the dispatch, a peer that sends byte by byte could
            // keep the loop.
            share -= Math.Max(received, MinimumReceived);
            total += received;
            io.Loop.Counters.BytesReceived += received;
            if (reader.TryPause())
            {
                _pauseLogged = true;
                io.Loop.Counters.ReadPauses++;
                completion = completion.With(CompletionFlags.Paused);
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
            io.Idle.RecordActivity();
        }

        reader.ReturnSpare();
        if (_readable && !_hasEnded && !reader.IsPaused && !completion.HasFlag(CompletionFlags.NeedsBuffer))
        {
            io.Loop.Requeue(io);
        }

        return total > 0 ? completion.With(CompletionFlags.Received) : completion;
    }

    /// <summary>The application has made room, or has completed its reader.</summary>
    internal Completion Resume(ConnectionIo io)
    {
        io.AssertOwner();
        if (_hasEnded)
        {
            return Completion.None;
        }

        var completion = Completion.None;
        if (io.IsSocketDisposed && !io.IsShutDown)
        {
            return OnSocketDisposed(io, completion);
        }

        if (_pauseLogged)
        {
            // Sockets' flush throws what the reader was completed with, and does not come to its line about resuming.
            _pauseLogged = !io.Reader.IsCompleted || io.Reader.CompletionError is null;
            completion = ClearPause(completion);
            if (io.Reader.IsCompleted)
            {
                return OnReaderCompleted(io, completion);
            }
        }

        if (_readable && !io.Reader.IsPaused)
        {
            io.Loop.Requeue(io);
        }

        return completion;
    }

    /// <summary>The input has ended, which is reported once.</summary>
    internal Completion End(in Completion before, CompletionFlags how, Exception? error)
    {
        if (_hasEnded)
        {
            return before;
        }

        Completion completion = ClearPause(before);
        Volatile.Write(ref _hasEnded, true);
        _readable = false;
        return completion with { Flags = completion.Flags | CompletionFlags.InputEnded | how, Error = error };
    }

    /// <summary>
    /// Reports the end to the log and the application. If the connection was shut down, that is the reason, not the
    /// error of the socket.
    /// </summary>
    internal static void Report(ConnectionIo io, in Completion completion)
    {
        string id = io.Connection.ConnectionId;
        if (completion.HasFlag(CompletionFlags.Fin))
        {
            Log.ConnectionReadFin(io.Settings.Logger, id);
        }
        else if (completion.HasFlag(CompletionFlags.Reset))
        {
            Log.ConnectionReset(io.Settings.Logger, id);
        }
        else if (completion.HasFlag(CompletionFlags.Error))
        {
            Log.ConnectionError(io.Settings.Logger, id, completion.Error!);
        }

        io.Reader.CompleteProducer(io.ShutdownReason ?? completion.Error);
        io.Connection.FireConnectionClosed();
    }

    /// <summary>
    /// Among the callbacks, for a pool is user code. It may be disposed of with its endpoint, or out of memory: the
    /// next dispatch finds out.
    /// </summary>
    internal void Refill(ConnectionIo io)
    {
        try
        {
            io.Buffers.Refill(io.Loop);
            _memoryFailure = null;
        }
        catch (Exception exception)
        {
            _memoryFailure = exception;
        }
    }

    /// <summary>A callback fetches a block, once; if there is none, it is the end of this connection only.</summary>
    private Completion OnBufferNeeded(in Completion before)
        => _memoryFailure is { } failure
            ? End(before, CompletionFlags.Error, failure)
            : before.With(CompletionFlags.NeedsBuffer);

    /// <summary>One <c>recv</c>: the bytes received, or zero or less when there is nothing to go on with.</summary>
    private int ReceiveOnce(ConnectionIo io, Span<byte> space, out bool drained, ref Completion completion)
    {
        int result = Sys.Receive(io.Descriptor, space);
        drained = result < space.Length && !_readToEnd;
        if (result > 0 && !io.Reader.IsCompleted)
        {
            io.Reader.EndReceive(result);
            return result;
        }

        io.Reader.EndReceive(0);
        if (io.IsSocketDisposed)
        {
            completion = OnSocketDisposed(io, completion);
            return 0;
        }

        switch (result)
        {
            case > 0:
                // The application has completed its reader. Like Sockets, the input ends with the first bytes after
                // that.
                completion = OnReaderCompleted(io, completion);
                break;
            case 0:
                completion = End(completion, io.IsShutDown ? CompletionFlags.None : CompletionFlags.Fin, null);
                break;
            case -Errno.EAGAIN:
                _readable = false;
                break;
            default:
                completion = OnError(io, completion, -result);
                break;
        }

        return 0;
    }

    private Completion ClearPause(in Completion before)
    {
        if (!_pauseLogged)
        {
            return before;
        }

        _pauseLogged = false;
        return before.With(CompletionFlags.Resumed);
    }

    private Completion OnReaderCompleted(ConnectionIo io, in Completion before)
    {
        Exception? error = io.Reader.CompletionError;
        return End(before, error is null ? CompletionFlags.None : CompletionFlags.Error, error);
    }

    private Completion OnSocketDisposed(ConnectionIo io, in Completion before)
        => End(
            before,
            io.IsShutDown ? CompletionFlags.None : CompletionFlags.Error,
            ConnectionSocket.CreateAbortedException());

    private Completion OnError(ConnectionIo io, in Completion before, int errno)
    {
        if (io.IsShutDown)
        {
            return End(before, CompletionFlags.None, null);
        }

        SocketException error = SocketErrors.Exception(errno);
        return SocketErrors.IsReset(errno)
            ? End(before, CompletionFlags.Reset, new ConnectionResetException(error.Message, error))
            : End(before, CompletionFlags.Error, error);
    }
}
