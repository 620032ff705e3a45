using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// Sends what the application has flushed, and shuts the socket down, on any thread: all system calls are made by the
/// holder of the send gate.
/// </summary>
internal sealed class ConnectionSender : IThreadPoolWorkItem
{
    /// <summary>A flush that makes this much wait is sent at once.</summary>
    private const long DeferralCap = 64 * 1024;

    /// <summary>
    /// What the loop's owner or the monitor sends of one connection before it goes on with others: about a tenth of a
    /// millisecond. A call counts as a block at least.
    /// </summary>
    private const int MaxShare = 256 * 1024;

    /// <summary>What another thread sends before it leaves the rest to the thread pool.</summary>
    private const int MaxShareElsewhere = 4 * MaxShare;

    private readonly ConnectionIo _io;
    private SendGate _gate;
    private FlushBurstDetector _burst;
    private SendRoom _room;
    private bool _queued;

    private bool _socketShutdown;
    private SendError? _error;
    private bool _errorReported;

    internal ConnectionSender(ConnectionIo io) => _io = io;

    /// <summary>True while the kernel has no room for what is unsent.</summary>
    internal bool IsWaiting => _room.IsAwaited;

    /// <summary>What the kernel has refused to send, if it has given a reason of its own.</summary>
    internal Exception? KernelError => _error is { Kind: SendErrorKind.KernelError } error ? error.Error : null;

    /// <summary>True once no sender will come any more. Any thread.</summary>
    internal bool IsShut => _gate.IsShut;

    private FdmPipeWriter Writer => _io.Writer;

    /// <summary>Sends what the writer has just put into its outbox, now or when the running callback ends.</summary>
    internal void Flush()
    {
        bool mayWait = Writer.Unsent < DeferralCap && !Writer.IsOverPauseThreshold;
        if (mayWait && (LoopThread.TryDefer(_io) || TryLeaveToBurst()))
        {
            return;
        }

        Send(Origin.Foreign);
    }

    internal void Send(Origin origin)
    {
        // Busy: the holder does it. Shut: the end of the output empties the outbox, or a later producer.
        if (_gate.TryEnter() == SendGate.Entry.Entered)
        {
            OnSent(SendAndLeave(MaxShareElsewhere), origin);
        }
    }

    /// <summary>The system calls are made here: they must not wait for a pool thread. The rest is user code.</summary>
    internal void SendFromMonitor()
    {
        BufferSegment? sent = _gate.TryEnter() == SendGate.Entry.Entered ? SendAndLeave(MaxShare) : null;
        ThreadPool.UnsafeQueueUserWorkItem(
            static state => state.Sender.FinishSend(state.Sent), (Sender: this, Sent: sent), preferLocal: false);
    }

    /// <summary>Counts an edge of <c>EPOLLOUT</c>, and sends if that was waited for.</summary>
    /// <param name="sent">What has left, to be given to <see cref="OnSent"/>.</param>
    /// <returns>True if the gate was entered.</returns>
    internal bool TrySendOnWritable(out BufferSegment? sent)
    {
        sent = null;

        // Busy: the holder does it. Shut: a close waits for a thread inside, and drops what is unsent.
        if (!_room.OnEdge() || _gate.TryEnter() != SendGate.Entry.Entered)
        {
            return false;
        }

        sent = SendAndLeave(MaxShare, isOwner: true);
        return true;
    }

    /// <summary>Outside the gate: gives back what has left, lets flushes go on, and ends what is over.</summary>
    internal void OnSent(BufferSegment? sent, Origin origin)
    {
        ReturnSent(sent);
        if (_error is { } error)
        {
            // Two threads may come here, one after the other through the gate.
            if (!_io.IsShutDown && !Interlocked.Exchange(ref _errorReported, true))
            {
                _io.EndOutput(error);
            }

            return;
        }

        Writer.ResumeFlush(origin);
        if (Writer.IsCompleted && Writer.CompletionError is var cause && (cause is not null || Writer.IsDrained)
            && !_io.IsShutDown)
        {
            if (cause is not null)
            {
                Log.ConnectionError(_io.Settings.Logger, _io.Connection.ConnectionId, cause);
            }

            _io.Abort(cause);
        }
    }

    /// <summary>Has the peer see the end: this thread does it, or the one inside the gate.</summary>
    internal void Shutdown(bool reset)
    {
        _gate.Request(reset);
        if (_gate.TryEnter() == SendGate.Entry.Entered)
        {
            ReturnSent(SendAndLeave(MaxShareElsewhere));
        }
    }

    /// <summary>As <see cref="Shutdown"/>, and what this does to the output is dealt with as for a flush.</summary>
    internal void ShutdownAndSend(bool reset)
    {
        _gate.Request(reset);
        Send(Origin.Foreign);
    }

    /// <summary>Makes something with the descriptor, which is the connection's own inside the gate.</summary>
    /// <returns>False if the gate is shut.</returns>
    internal bool TryRunInsideGate(Action<ConnectionIo> action)
    {
        // Rare, and the holder sends its share and leaves.
        var wait = default(SpinWait);
        SendGate.Entry entry;
        while ((entry = _gate.TryEnter()) == SendGate.Entry.Busy)
        {
            wait.SpinOnce();
        }

        if (entry == SendGate.Entry.Shut)
        {
            return false;
        }

        try
        {
            action(_io);
        }
        finally
        {
            OnSent(SendAndLeave(MaxShareElsewhere), Origin.Foreign);
        }

        return true;
    }

    /// <summary>Keeps the connection from ending until <see cref="Unpin"/>. False if it has ended.</summary>
    internal bool TryPin() => _gate.TryPin();

    internal void Unpin()
    {
        if (_gate.Unpin())
        {
            _io.Post(LoopCommand.Close);
        }
    }

    [Conditional("DEBUG")]
    internal void AssertInsideGate() => _gate.AssertHeld();

    /// <summary>For the closer: false if a thread is inside. The last one out posts the close again.</summary>
    internal bool TryShut() => _gate.TryShut();

    /// <summary>A thread of the pool has come for a burst of flushes.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _queued, false);
        SyncPoints.Hit(SyncPoint.BurstSends, _io);
        UserCode.SendDeferred(_io);
    }

    private void FinishSend(BufferSegment? sent)
    {
        try
        {
            if (sent is not null)
            {
                OnSent(sent, Origin.Foreign);
            }
            else
            {
                // Nothing has left: the gate was busy or shut, or the socket is full or broken.
                Send(Origin.Foreign);
            }
        }
        catch (Exception exception)
        {
            UserCode.Fail(_io, exception);
        }
    }

    /// <summary>
    /// In a burst of flushes the send is left to a thread of the pool, and what is flushed until it comes leaves with
    /// it. Only one is under way: it says that it has come before it looks at the outbox, and a flush fills the outbox
    /// before it looks for that.
    /// </summary>
    private bool TryLeaveToBurst() => _burst.Add(Stopwatch.GetTimestamp(), _io.Reader.Received) && TryQueueSend();

    /// <summary>False if there is no memory for it.</summary>
    private bool TryQueueSend()
    {
        if (Interlocked.Exchange(ref _queued, true))
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
            Interlocked.Exchange(ref _queued, false);
            return false;
        }
    }

    /// <summary>Does what there is to do inside the gate, up to its share, and leaves the gate.</summary>
    /// <remarks>
    /// What was asked for is taken before the outbox is looked at: a flush that comes after that look asks anew, which
    /// leaving finds.
    /// </remarks>
    /// <param name="share">How many bytes to send at most, to the next system call.</param>
    /// <param name="isOwner">True for the loop's owner, which dispatches the connection again if something is left;
    /// otherwise the pool sends it.</param>
    /// <returns>What has left, with a pin on the connection.</returns>
    private BufferSegment? SendAndLeave(long share, bool isOwner = false)
    {
        bool shut;
        BufferSegment? sent;
        while (true)
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
                _room.Await();
                _io.PendingEvents |= EpollFlags.Out;
            }
            else if (isLeft && !TryQueueSend())
            {
                // Better here than never.
                share = long.MaxValue;
                TransmitGuarded(ref share);
            }

            sent = Writer.TakeSent();
            SyncPoints.Hit(SyncPoint.SenderLeaves, _io);
            if (_gate.TryLeave(pin: sent is not null, out shut))
            {
                break;
            }

            Writer.KeepSent(sent);
        }

        if (shut)
        {
            _io.Post(LoopCommand.Close);
        }

        return sent;
    }

    /// <summary>Outside the gate, because a pool is user code. Until then the pin delays the close.</summary>
    private void ReturnSent(BufferSegment? sent)
    {
        if (sent is not null)
        {
            Writer.ReturnChain(sent);
            Unpin();
        }
    }

    /// <summary>The gate must be left even if a pool's memory throws.</summary>
    private bool TransmitGuarded(ref long share)
    {
        try
        {
            return TransmitShare(ref share);
        }
        catch (Exception exception)
        {
            _error ??= new(SendErrorKind.Unexpected, exception);
            Writer.DiscardUnsent();
            return false;
        }
    }

    /// <summary>Sends until all has left, the socket is full or broken, or the share is used up.</summary>
    /// <returns>True if something is left that could be sent.</returns>
    private bool TransmitShare(ref long share)
    {
        if (_io.IsSocketDisposed && _socketShutdown && !_io.IsShutDown)
        {
            // What was waiting for room fails as it does on Sockets, what comes later in its own way.
            if (_room.IsAwaited)
            {
                _room.StopAwaiting();
                _error ??= new(SendErrorKind.SocketDisposed, ConnectionSocket.CreateAbortedException());
            }
            else if (Writer.TakeFlushed())
            {
                _error ??= new(SendErrorKind.SocketDisposed, new ObjectDisposedException(typeof(Socket).FullName));
            }
        }

        // While the socket is full the outbox is left alone: there small flushes share blocks.
        while (!_room.IsAwaited && Writer.TakeFlushed())
        {
            if (_socketShutdown || _error is not null)
            {
                Writer.DiscardUnsent();
                return false;
            }

            if (share <= 0)
            {
                return true;
            }

            SyncPoints.Hit(SyncPoint.SenderSends, _io);
            int edges = _room.Edges;
            int result = Writer.Transmit(share);
            if (result >= 0)
            {
                // By the call as well: a producer that flushes byte by byte would keep its sender for ever.
                share -= Math.Max(result, EndpointBuffers.BlockSize);
                _io.Loop.Counters.AddSent(result);
                _io.Idle.RecordActivity();
            }
            else if (result != -Errno.EAGAIN)
            {
                // Nothing may follow what is missing. Sockets goes on behind the hole.
                SendErrorKind kind = SocketErrors.IsReset(-result) ? SendErrorKind.Reset : SendErrorKind.KernelError;
                _error = new(kind, SocketErrors.Exception(-result));
                Writer.DiscardUnsent();
                return false;
            }
            else
            {
                SyncPoints.Hit(SyncPoint.SenderWaits, _io);
                _room.TryAwait(edges);
            }
        }

        return false;
    }

    /// <summary>What the peer sees of the end.</summary>
    private void ShutdownSocket(bool reset)
    {
        _gate.AssertHeld();
        if (_socketShutdown)
        {
            return;
        }

        _socketShutdown = true;
        reset |= _io.IsSocketDisposed && !_io.IsUnix && SocketOptions.HasZeroLinger(_io.Descriptor);
        SocketEnd.Show(_io.Descriptor, _io.IsUnix, reset);
    }
}
