using System;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The descriptor's side of a connection: receiving, sending, ending. The application's side is
/// <see cref="FdmConnection"/>.
/// </summary>
internal sealed partial class ConnectionIo : PipeHost, IMigratable<EventLoop>
{
    private ConnectionReceiver _receiver;
    private bool _registered;
    private bool _closed;

    /// <summary>The parts of the end that could not be reported yet.</summary>
    private int _undelivered;

    internal ConnectionIo(int descriptor, bool isUnix, EndpointBuffers buffers, ConnectionSettings settings)
        : base(descriptor, buffers, settings)
    {
        FaultPoints.Hit(FaultPoint.IoMade);
        IsUnix = isUnix;
        _receiver = new ConnectionReceiver(isUnix);
        _idle = new IdleTimer(settings.IdleTimeout);
        Reader = new FdmPipeReader(this);
        Writer = new FdmPipeWriter(this);
        Sender = new ConnectionSender(this);
    }

    internal FdmPipeReader Reader { get; }

    internal FdmPipeWriter Writer { get; }

    internal ConnectionSender Sender { get; }

    internal bool IsUnix { get; }

    internal FdmConnection Connection { get; set; } = null!;

    /// <summary>How lively it was at its last event; of a new one before it is registered. Any thread.</summary>
    internal LiveCounter Counter => Volatile.Read(ref _registered) && !Volatile.Read(ref _closed)
        ? Loop.Sets.Peek((int)(uint)Token)
        : LiveCounter.CreateNew(0);

    /// <summary>Starts receiving.</summary>
    /// <returns>Zero, or a negated error number; the descriptor is then still the caller's.</returns>
    internal int Start()
    {
        int result = Loop.Register(this, Descriptor, EpollFlags.Connection);
        _registered = result >= 0;
        if (_registered)
        {
            Loop.EnqueueAccepted(this, EpollFlags.In);
        }

        _idle.RecordActivity();
        SetIdleTimer();
        return result;
    }

    /// <summary>
    /// Ends a connection that the application does not have yet and need not hear of. On the loop that accepted it,
    /// before any other thread has it.
    /// </summary>
    internal void Discard()
    {
        AssertOwner();
        _closed = true;
        Sender.TryShut();
        if (_registered)
        {
            _registered = false;
            Loop.Deregister(this);
        }

        if (!IsUnix)
        {
            // As the kernel does with those that a closed listen socket has not accepted.
            Sys.ResetConnection(Descriptor);
        }

        ClearLingerTime();
        Sys.Close(Descriptor);
    }

    /// <summary>
    /// Between requests only: drained both ways, and the application waits for more. Senders need no leave, for the
    /// gate and the descriptor stay; adding it to the other epoll reports what has happened meanwhile.
    /// </summary>
    public bool TryMigrateTo(EventLoop destination)
    {
        AssertOwner();
        if (!_registered
            || !_receiver.IsDrained
            || PendingEvents != 0
            || IsShutDown
            || !Reader.IsReadPending
            || !Writer.IsDrained)
        {
            return false;
        }

        EventLoop origin = Loop;
        if (origin.Disarm(Descriptor) < 0)
        {
            return false;
        }

        origin.Deregister(this);
        _registered = false;
        origin.OnConnectionMigrated(destination);
        SyncPoints.Hit(SyncPoint.ConnectionMigrates, this);

        // In this order: a thread that posts a command finds the new loop, or the old one, which forwards it.
        Loop = destination;
        Post(LoopCommand.Register);
        return true;
    }

    internal override Completion OnReady(uint events)
    {
        AssertOwner();
        Completion completion = _closed ? Completion.None : SendAndReceive(events);

        // A waiting read whose continuation runs elsewhere needs no callback here, and no monitor to watch it.
        return completion.Flags != CompletionFlags.Received ? completion
            : Reader.TryQueueNotify(out bool inline) ? Completion.None
            : completion.With(inline ? CompletionFlags.RunsInline : CompletionFlags.None);
    }

    private Completion SendAndReceive(uint events)
    {
        _receiver.UpdateReadiness(events);
        var completion = Completion.None;
        if ((events & (EpollFlags.Out | EpollFlags.Hup | EpollFlags.Err)) != 0)
        {
            // A Unix socket that is shut down reports no room to send; a send that waits must find out all the same.
            completion = OnWritable();
        }

        try
        {
            return _receiver.Receive(this, completion);
        }
        catch (Exception exception)
        {
            // The pool's memory threw when it was read. The completion already carries a pin.
            return completion with { Flags = completion.Flags | CompletionFlags.Refused, Error = exception };
        }
    }

    /// <summary>An edge of <c>EPOLLOUT</c>, or a look whether there is room.</summary>
    internal Completion OnWritable()
    {
        if (!Sender.TrySendOnWritable(out BufferSegment? sent))
        {
            return Completion.None;
        }

        if ((PendingEvents & EpollFlags.Out) != 0)
        {
            Loop.Requeue(this);
        }

        return new Completion(CompletionFlags.Drained, Sent: sent);
    }

    internal override Completion OnCommand(LoopCommand command)
    {
        AssertOwner();
        if (_closed)
        {
            return TakeUndelivered(Completion.None);
        }

        var completion = Completion.None;
        if ((command & LoopCommand.Register) != LoopCommand.None)
        {
            // Accepted by another loop and given to this one; adding reports what has arrived since.
            int result = Start();
            if (result < 0)
            {
                if (Errno.IsExhaustion(-result))
                {
                    // The endpoint must pause, or the next client would be refused as well.
                    Settings.Endpoint.OnRefused(-result);
                }

                // An ending loop would have ended this connection as well.
                completion = result == -Errno.EBADF
                    ? new Completion(CompletionFlags.LoopStopping)
                    : new Completion(CompletionFlags.Refused, SocketErrors.Exception(-result));
            }
        }

        if ((command & LoopCommand.UpdateTimer) != LoopCommand.None)
        {
            SetIdleTimer();
        }

        if ((command & LoopCommand.Close) != LoopCommand.None)
        {
            Loop.CloseAtEndOfIteration(this);
        }

        return (command & LoopCommand.Resume) != LoopCommand.None && completion.IsEmpty
            ? _receiver.Resume(this)
            : completion;
    }

    internal override void RunCallbacks(in Completion completion)
    {
        try
        {
            RunAllCallbacks(completion);
        }
        catch when (completion.HasFlag(CompletionFlags.InputEnded | CompletionFlags.Closed))
        {
            // The end of the connection must be reported. Failing posts the close, which reports it again.
            CompletionFlags ending = completion.Flags & (CompletionFlags.InputEnded | CompletionFlags.Closed);
            Interlocked.Or(ref _undelivered, (int)ending);
            throw;
        }
    }

    private void RunAllCallbacks(in Completion completion)
    {
        if (completion.HasFlag(CompletionFlags.NeedsBuffer))
        {
            _receiver.Refill(this);
        }

        if (completion.HasFlag(CompletionFlags.Resumed))
        {
            Log.ConnectionResume(Settings.Logger, Connection.ConnectionId);
        }

        if (completion.HasFlag(CompletionFlags.Drained))
        {
            // If there is input to report as well, the flush's continuation goes to the pool: it might not return.
            bool isAlone = !completion.HasFlag(CompletionFlags.Received | CompletionFlags.InputEnded);
            Sender.OnSent(completion.Sent, isAlone ? Origin.Loop : Origin.Foreign);
        }

        if (completion.HasFlag(CompletionFlags.Paused))
        {
            Log.ConnectionPause(Settings.Logger, Connection.ConnectionId);
        }

        if (completion.HasFlag(CompletionFlags.InputEnded))
        {
            ConnectionReceiver.Report(this, completion);
        }

        if (completion.HasFlag(CompletionFlags.Refused))
        {
            Abort(completion.Error);
        }

        if (completion.HasFlag(CompletionFlags.TimedOut))
        {
            OnIdleTimeout(completion.Duration);
        }

        if (completion.HasFlag(CompletionFlags.LoopStopping))
        {
            Abort(new ConnectionAbortedException("The transport was stopped."));
        }

        if (completion.HasFlag(CompletionFlags.Closed))
        {
            Writer.DropUnsent();
            Connection.EndOutputAfterToken();
            if (_socket is ConnectionSocket taken)
            {
                taken.EndLater();
            }
            else
            {
                Connection.OnDescriptorClosed();
            }
        }

        // Last: the callback may run here, and anything after it would wait for it.
        if (completion.HasFlag(CompletionFlags.Received))
        {
            Reader.Notify(completion.HasFlag(CompletionFlags.RunsInline));
        }
    }

    internal override void Fail(Exception cause)
    {
        Log.UnexpectedException(Settings.Logger, Connection.ConnectionId, cause);
        Abort(cause);
        if (Volatile.Read(ref _undelivered) != 0)
        {
            Post(LoopCommand.Close);
        }
    }

    public override void SendDeferred() => Sender.Send(Origin.Foreign);

    public override void SendFromMonitor() => Sender.SendFromMonitor();

    private Completion TakeUndelivered(in Completion completion)
    {
        int undelivered = Volatile.Read(ref _undelivered) == 0 ? 0 : Interlocked.Exchange(ref _undelivered, 0);
        return completion.With((CompletionFlags)undelivered);
    }

    internal override (string Id, object? EndPoint) Describe() => (Connection.ConnectionId, Connection.LocalEndPoint);
}
