using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Sending, on any thread, through the gate.</content>
internal sealed partial class ConnectionIo
{
    /// <summary>A flush that makes this much wait is sent at once.</summary>
    private const long DeferralCap = 64 * 1024;

    /// <summary>
    /// What the loop's owner or the monitor sends of one connection before others have their turn: about a tenth of a millisecond. A call counts
    /// as a block at least.
    /// </summary>
    private const int SendShare = 256 * 1024;

    /// <summary>What another thread sends before it leaves the rest to the pool.</summary>
    private const int SendShareElsewhere = 4 * SendShare;

    private SendGate _gate;
    private FlushBurst _burst;
    private int _queued;

    // Loop: counts every EPOLLOUT edge, wanted or not. Gate holder: says that it waits for one, then looks at the count again.
    private int _writableEdges;
    private int _waitingWritable;

    // Gate holder.
    private bool _wireEnded;
    private SendProblem? _sendProblem;

    private int _sendProblemTold;

    /// <summary>Sends what the writer has just put into its outbox, now or when the running callback ends.</summary>
    internal void Flush()
    {
        long unsent = Writer.Unsent;
        long threshold = Settings.WritePauseThreshold;
        bool small = unsent < DeferralCap && (threshold == 0 || unsent < threshold);
        if (small && (CallbackScope.TryDefer(this) || TryQueue()))
        {
            return;
        }

        Send(Origin.Foreign);
    }

    /// <summary>
    /// In a burst of flushes the send is left to a thread of the pool, and what is flushed until it comes leaves with it. Only one is under
    /// way: it says that it has come before it looks at the outbox, and a flush fills the outbox before it looks for that.
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
        RacePoints.Reach(RacePoint.BurstSends, this);
        CallbackScope.SendDeferred(this);
    }

    internal void Send(Origin origin)
    {
        switch (_gate.TryEnter())
        {
            case SendGate.Entry.Busy:
                return;
            case SendGate.Entry.Shut:
                // The closer emptied the outbox before this flush was put there.
                Writer.DropOutbox();
                return;
        }

        ReturnSent(WorkAndLeave(SendShareElsewhere));
        AfterSend(origin);
    }

    /// <summary>As <see cref="WorkAndLeave(long, bool)"/>, for any thread but the loop's owner: the pool sends what is left of it.</summary>
    private BufferSegment? WorkAndLeave(long share) => WorkAndLeave(share, isOwner: false);

    /// <summary>Does what there is to do inside the gate, and leaves it when there are no new errands, or its share is used up. Gate holder.</summary>
    /// <remarks>
    /// The errands are taken before the outbox is looked at: a flush that comes after that look leaves a new errand, which
    /// leaving finds.
    /// </remarks>
    /// <param name="share">How many bytes to send at most, to the next system call.</param>
    /// <param name="isOwner">True for the loop's owner, who serves the connection again if something is left.</param>
    /// <returns>What has left, with a pin on the connection; to be given to <see cref="ReturnSent"/>.</returns>
    private BufferSegment? WorkAndLeave(long share, bool isOwner)
    {
        bool shut;
        BufferSegment? sent;
        do
        {
            _gate.TakeErrands(out bool reset, out bool finish);
            if (reset || finish)
            {
                EndWire(reset);
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
            RacePoints.Reach(RacePoint.SenderLeaves, this);
        }
        while (!TryLeave(sent, out shut));

        if (shut)
        {
            Post(Mail.Close);
        }

        return sent;
    }

    /// <summary>
    /// Gives blocks back outside the gate, because a pool is foreign code; until then the pin keeps the connection from ending.
    /// Any thread.
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
            Post(Mail.Close);
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
            _sendProblem ??= new(SendProblemKind.Unexpected, exception);
            Writer.SkipUnsent();
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

    /// <summary>Sends until everything has left, the socket is full, the connection is broken or the share is used up. Gate holder.</summary>
    /// <returns>True if something is left that could be sent.</returns>
    private bool TransmitShare(ref long share)
    {
        if (IsSocketGone && _wireEnded && !IsShutDown)
        {
            // What was waiting for room fails as it does on Sockets, what comes later in its own way.
            if (Volatile.Read(ref _waitingWritable) != 0)
            {
                Volatile.Write(ref _waitingWritable, 0);
                _sendProblem ??= new(SendProblemKind.SocketGone, SocketGone());
            }
            else if (Writer.Collect())
            {
                _sendProblem ??= new(SendProblemKind.SocketGone, new ObjectDisposedException(typeof(Socket).FullName));
            }
        }

        // While the socket is full the outbox is left alone: there small flushes share blocks, in the unsent chain they would not.
        while (Volatile.Read(ref _waitingWritable) == 0 && Writer.Collect())
        {
            if (_wireEnded || _sendProblem is not null)
            {
                Writer.SkipUnsent();
                return false;
            }

            if (share <= 0)
            {
                return true;
            }

            RacePoints.Reach(RacePoint.SenderSends, this);
            int edges = Volatile.Read(ref _writableEdges);
            int result = Writer.Transmit(_descriptor, share);
            if (result >= 0)
            {
                // By the call as well: a producer that goes on flushing a few bytes at a time would keep its sender for ever.
                share -= Math.Max(result, BlockCache.BlockSize);
                NoteActivity();
                continue;
            }

            if (result == -Errno.EAGAIN)
            {
                RacePoints.Reach(RacePoint.SenderWaits, this);

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
                // Nothing may follow what is missing. (Sockets goes on behind the hole, and tells of it when the output ends.)
                _sendProblem = new(SocketErrors.IsReset(-result) ? SendProblemKind.Reset : SendProblemKind.Refused, SocketErrors.Exception(-result));
                Writer.SkipUnsent();
                return false;
            }
        }

        return false;
    }

    /// <summary>What the peer sees of the end. Gate holder.</summary>
    private void EndWire(bool reset)
    {
        if (_wireEnded)
        {
            return;
        }

        _wireEnded = true;
        reset |= IsSocketGone && !_isUnix && Sys.LingersZero(_descriptor);
        if (!reset)
        {
            Sys.ShutdownBothWays(_descriptor);
        }
        else if (!_isUnix)
        {
            if (Sys.ResetConnection(_descriptor) < 0)
            {
                // Refused by a sandbox: then the close resets.
                Sys.LingerZero(_descriptor);
            }
        }
        else if (Sys.Readable(_descriptor) <= 0)
        {
            // A Unix socket has no reset. Its peer sees one if unread data is closed over, and the close does that.
            Sys.ShutdownBothWays(_descriptor);
        }
    }

    /// <summary>Outside the gate: lets the application go on, and ends the connection if this was the last of it.</summary>
    private void AfterSend(Origin origin)
    {
        if (_sendProblem is { } problem)
        {
            OnSendProblem(problem);
            return;
        }

        Writer.ResumeFlush(origin);
        if (Writer.IsCompleted && (Writer.IsDrained || Writer.CompletionError is not null))
        {
            OnOutputCompleted();
        }
    }

    /// <summary>Owner only.</summary>
    private Notice OnWritable()
    {
        Volatile.Write(ref _writableEdges, _writableEdges + 1);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waitingWritable) == 0)
        {
            return Notice.Nothing;
        }

        Volatile.Write(ref _waitingWritable, 0);

        // Busy: the holder has been left the errand. Shut: a close waits for a thread inside, and drops what is unsent.
        if (_gate.TryEnter() != SendGate.Entry.Entered)
        {
            return Notice.Nothing;
        }

        BufferSegment? sent = WorkAndLeave(SendShare, isOwner: true);
        if ((PendingEvents & EpollFlags.Out) != 0)
        {
            Loop.Requeue(this);
        }

        return new Notice(Told.Sent, sent);
    }

    private void OnSendProblem(SendProblem problem)
    {
        // Two threads may come here, one after the other through the gate.
        if (IsShutDown || Interlocked.Exchange(ref _sendProblemTold, 1) != 0)
        {
            return;
        }

        switch (problem.Kind)
        {
            case SendProblemKind.Unexpected:
                Fail(problem.Error);
                break;
            case SendProblemKind.Reset or SendProblemKind.Refused when Settings.IsStream:
                Log.ConnectionError(Settings.Logger, Connection.ConnectionId, problem.Error);
                Writer.End(problem.Error);
                break;
            case SendProblemKind.Reset:
                Log.ConnectionReset(Settings.Logger, Connection.ConnectionId);
                Shutdown(new ConnectionResetException(problem.Error.Message, problem.Error), outputError: null);
                break;
            case SendProblemKind.Refused:
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
