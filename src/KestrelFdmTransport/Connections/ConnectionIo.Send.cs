using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Sending, on any thread, through the gate.</content>
internal sealed partial class ConnectionIo
{
    /// <summary>A flush that makes this much wait is sent at once.</summary>
    private const long DeferralCap = 64 * 1024;

    /// <summary>
    /// What the loop's owner or the monitor sends of one connection before others have their turn: about a tenth of a
    /// millisecond. A call counts as a block at least.
    /// </summary>
    private const int MaxSendShare = 256 * 1024;

    /// <summary>What another thread sends before it leaves the rest to the pool.</summary>
    private const int MaxSendShareElsewhere = 4 * MaxSendShare;

    private SendGate _gate;
    private FlushBurstDetector _burst;
    private int _queued;

    // Loop: counts every EPOLLOUT edge, wanted or not. Gate holder: says that it waits for one, then looks at the count
    // again.
    private int _writableEdges;
    private int _waitingWritable;

    // Gate holder.
    private bool _socketShutdown;
    private SendError? _sendError;

    private int _sendErrorReported;

    /// <summary>Sends what the writer has just put into its outbox, now or when the running callback ends.</summary>
    internal void Flush()
    {
        long unsent = Writer.Unsent;
        long threshold = Settings.WritePauseThreshold;
        bool small = unsent < DeferralCap && (threshold == 0 || unsent < threshold);
        if (small && (LoopThread.TryDefer(this) || TryQueue()))
        {
            return;
        }

        Send(Origin.Foreign);
    }

    /// <summary>
    /// In a burst of flushes the send is left to a thread of the pool, and what is flushed until it comes leaves with
    /// it. Only one is under way: it says that it has come before it looks at the outbox, and a flush fills the outbox
    /// before it looks for that.
    /// </summary>
    private bool TryQueue()
    {
        return _burst.Add(Stopwatch.GetTimestamp(), Reader.Received) && TryQueueSend();
    }

    /// <summary>False if there is no memory for it.</summary>
    private bool TryQueueSend()
    {
        if (Interlocked.Exchange(ref _queued, 1) != 0)
        {
            return true;
        }

        try
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return true;
        }
        catch (OutOfMemoryException)
        {
            Interlocked.Exchange(ref _queued, 0);
            return false;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _queued, 0);
        SyncPoints.Hit(SyncPoint.BurstSends, this);
        LoopThread.SendDeferred(this);
    }

    internal void Send(Origin origin)
    {
        switch (_gate.TryEnter())
        {
            case SendGate.Entry.Busy:
                return;
            case SendGate.Entry.Shut:
                // The closer emptied the outbox before this flush was put there.
                Writer.DropFlushed();
                return;
        }

        ReturnSent(SendAndRelease(MaxSendShareElsewhere));
        OnSendCompleted(origin);
    }

    /// <summary>
    /// As <see cref="SendAndRelease(long, bool)"/>, for any thread but the loop's owner: the pool sends what is left of
    /// it.
    /// </summary>
    private BufferSegment? SendAndRelease(long share) => SendAndRelease(share, isOwner: false);

    /// <summary>
    /// Does what there is to do inside the gate, and leaves it when there are no new errands, or its share is used up.
    /// Gate holder.
    /// </summary>
    /// <remarks>
    /// The errands are taken before the outbox is looked at: a flush that comes after that look leaves a new errand,
    /// which leaving finds.
    /// </remarks>
    /// <param name="share">How many bytes to send at most, to the next system call.</param>
    /// <param name="isOwner">True for the loop's owner, who serves the connection again if something is left.</param>
    /// <returns>What has left, with a pin on the connection; to be given to <see cref="ReturnSent"/>.</returns>
    private BufferSegment? SendAndRelease(long share, bool isOwner)
    {
        bool shut;
        BufferSegment? sent;
        do
        {
            _gate.TakePending(out bool reset, out bool finish);
            if (reset || finish)
            {
                ShutdownSocket(reset);
            }

            bool isLeft = TransmitGuarded(ref share);
            if (isLeft && isOwner)
            {
                // As if the socket were full: what is flushed meanwhile waits for the loop as well.
                Volatile.Write(ref _waitingWritable, 1);
                PendingEvents |= EpollFlags.Out;
            }
            else if (isLeft && !TryQueueSend())
            {
                // Better here than never.
                share = long.MaxValue;
                TransmitGuarded(ref share);
            }

            sent = Writer.TakeSent();
            SyncPoints.Hit(SyncPoint.SenderLeaves, this);
        }
        while (!TryLeave(sent, out shut));

        if (shut)
        {
            Post(LoopCommand.Close);
        }

        return sent;
    }

    /// <summary>
    /// Gives blocks back outside the gate, because a pool is user code; until then the pin keeps the connection from
    /// ending. Any thread.
    /// </summary>
    private void ReturnSent(BufferSegment? sent)
    {
        if (sent is null)
        {
            return;
        }

        Writer.ReturnSent(sent);
        if (_gate.Unpin())
        {
            Post(LoopCommand.Close);
        }
    }

    /// <summary>The gate must be left, whatever a pool's memory does when it is looked at.</summary>
    private bool TransmitGuarded(ref long share)
    {
        try
        {
            return TransmitShare(ref share);
        }
        catch (Exception exception)
        {
            _sendError ??= new(SendErrorKind.Unexpected, exception);
            Writer.DiscardUnsent();
            return false;
        }
    }

    private bool TryLeave(BufferSegment? sent, out bool shut)
    {
        if (_gate.TryLeave(pin: sent is not null, out shut))
        {
            return true;
        }

        if (sent is not null)
        {
            Writer.KeepSent(sent);
        }

        return false;
    }

    /// <summary>
    /// Sends until everything has left, the socket is full, the connection is broken or the share is used up. Gate
    /// holder.
    /// </summary>
    /// <returns>True if something is left that could be sent.</returns>
    private bool TransmitShare(ref long share)
    {
        if (IsSocketDisposed && _socketShutdown && !IsShutDown)
        {
            // What was waiting for room fails as it does on Sockets, what comes later in its own way.
            if (Volatile.Read(ref _waitingWritable) != 0)
            {
                Volatile.Write(ref _waitingWritable, 0);
                _sendError ??= new(SendErrorKind.SocketDisposed, CreateSocketDisposedException());
            }
            else if (Writer.TakeFlushed())
            {
                _sendError ??= new(SendErrorKind.SocketDisposed, new ObjectDisposedException(typeof(Socket).FullName));
            }
        }

        // While the socket is full the outbox is left alone: there small flushes share blocks, in the unsent chain they
        // would not.
        while (Volatile.Read(ref _waitingWritable) == 0 && Writer.TakeFlushed())
        {
            if (_socketShutdown || _sendError is not null)
            {
                Writer.DiscardUnsent();
                return false;
            }

            if (share <= 0)
            {
                return true;
            }

            SyncPoints.Hit(SyncPoint.SenderSends, this);
            int edges = Volatile.Read(ref _writableEdges);
            int result = Writer.Transmit(_descriptor, share);
            if (result >= 0)
            {
                // By the call as well: a producer that goes on flushing a few bytes at a time would keep its sender for
                // ever.
                share -= Math.Max(result, EndpointBuffers.BlockSize);
                RecordActivity();
                continue;
            }

            if (result == -Errno.EAGAIN)
            {
                SyncPoints.Hit(SyncPoint.SenderWaits, this);

                // Either the loop, counting an edge, sees that we wait, or we see its count: no edge is lost.
                Interlocked.Exchange(ref _waitingWritable, 1);
                if (Volatile.Read(ref _writableEdges) == edges)
                {
                    return false;
                }

                Volatile.Write(ref _waitingWritable, 0);
            }
            else
            {
                // Nothing may follow what is missing. (Sockets goes on behind the hole, and tells of it when the output
                // ends.)
                _sendError = new(
                    SocketErrors.IsReset(-result) ? SendErrorKind.Reset : SendErrorKind.KernelError,
                    SocketErrors.Exception(-result));
                Writer.DiscardUnsent();
                return false;
            }
        }

        return false;
    }

    /// <summary>What the peer sees of the end. Gate holder.</summary>
    private void ShutdownSocket(bool reset)
    {
        if (_socketShutdown)
        {
            return;
        }

        _socketShutdown = true;
        reset |= IsSocketDisposed && !_isUnix && Sys.HasZeroLinger(_descriptor);
        if (!reset)
        {
            Sys.Shutdown(_descriptor);
        }
        else if (!_isUnix)
        {
            if (Sys.ResetConnection(_descriptor) < 0)
            {
                // Refused by a sandbox: then the close resets.
                Sys.SetZeroLinger(_descriptor);
            }
        }
        else if (Sys.BytesAvailable(_descriptor) <= 0)
        {
            // A Unix socket has no reset. Its peer sees one if unread data is closed over, and the close does that.
            Sys.Shutdown(_descriptor);
        }
    }

    /// <summary>
    /// Outside the gate: lets the application go on, and ends the connection if this was the last of it.
    /// </summary>
    private void OnSendCompleted(Origin origin)
    {
        if (_sendError is { } problem)
        {
            OnSendError(problem);
            return;
        }

        Writer.ResumeFlush(origin);
        if (Writer.IsCompleted && (Writer.IsDrained || Writer.CompletionError is not null))
        {
            OnOutputCompleted();
        }
    }

    /// <summary>Owner only.</summary>
    private Completion OnWritable()
    {
        Volatile.Write(ref _writableEdges, _writableEdges + 1);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waitingWritable) == 0)
        {
            return Completion.None;
        }

        Volatile.Write(ref _waitingWritable, 0);

        // Busy: the holder has been left the errand. Shut: a close waits for a thread inside, and drops what is unsent.
        if (_gate.TryEnter() != SendGate.Entry.Entered)
        {
            return Completion.None;
        }

        BufferSegment? sent = SendAndRelease(MaxSendShare, isOwner: true);
        if ((PendingEvents & EpollFlags.Out) != 0)
        {
            Loop.Requeue(this);
        }

        return new Completion(CompletionFlags.Drained, sent);
    }

    private void OnSendError(SendError problem)
    {
        // Two threads may come here, one after the other through the gate.
        if (IsShutDown || Interlocked.Exchange(ref _sendErrorReported, 1) != 0)
        {
            return;
        }

        switch (problem.Kind)
        {
            case SendErrorKind.Unexpected:
                Fail(problem.Error);
                break;
            case SendErrorKind.Reset or SendErrorKind.KernelError when Settings.IsStream:
                Log.ConnectionError(Settings.Logger, Connection.ConnectionId, problem.Error);
                Writer.CompleteConsumer(problem.Error);
                break;
            case SendErrorKind.Reset:
                Log.ConnectionReset(Settings.Logger, Connection.ConnectionId);
                Shutdown(new ConnectionResetException(problem.Error.Message, problem.Error), outputError: null);
                break;
            case SendErrorKind.KernelError:
                Log.ConnectionError(Settings.Logger, Connection.ConnectionId, problem.Error);
                Shutdown(problem.Error, problem.Error);
                break;
            default:
                Shutdown(problem.Error, outputError: null);
                break;
        }
    }

    private void OnOutputCompleted()
    {
        if (IsShutDown)
        {
            return;
        }

        if (Writer.CompletionError is { } error)
        {
            Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error);
            Shutdown(error, error);
        }
        else
        {
            Shutdown(null, outputError: null);
        }
    }
}
