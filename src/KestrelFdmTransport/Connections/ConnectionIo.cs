using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>The descriptor's side of a connection: receiving, sending, ending. The application's side is <see cref="FdmConnection"/>.</summary>
internal sealed partial class ConnectionIo : IoSource, IThreadPoolWorkItem
{
    private readonly int _descriptor;
    private readonly bool _isUnix;
    private SpareSegments _spares;
    private bool _registered;
    private bool _closed;

    /// <summary>Of the end, what could not be told.</summary>
    private int _untold;

    internal ConnectionIo(int descriptor, bool isUnix, BlockCache blocks, ConnectionSettings settings)
    {
        FaultPoints.Reach(FaultPoint.IoMade);
        _descriptor = descriptor;
        _isUnix = isUnix;

        // A read from a Unix socket stops where passed descriptors or credentials change, so a short one proves nothing.
        _readToEnd = isUnix;
        Blocks = blocks;
        Settings = settings;
        _cost = settings.Endpoint.ForNewConnection();
        _idleTimeout = settings.IdleTimeout;
        Reader = new FdmPipeReader(this);
        Writer = new FdmPipeWriter(this);
    }

    /// <summary>The memory of the connection's loop. Another loop's is as good, only colder.</summary>
    internal BlockCache Blocks { get; private set; }

    /// <summary>The segment objects that wait for their next use in this connection.</summary>
    internal ref SpareSegments Spares => ref _spares;

    internal ConnectionSettings Settings { get; }

    internal FdmPipeReader Reader { get; }

    internal FdmPipeWriter Writer { get; }

    internal FdmConnection Connection { get; set; } = null!;

    /// <summary>How lively the connection was when its last event came; of a new one before it is registered. Any thread.</summary>
    internal LiveCounter Counter => Volatile.Read(ref _registered) && !Volatile.Read(ref _closed) ? Loop.Sets.Peek((int)(uint)Payload) : LiveCounter.OfNew(0);

    /// <summary>Starts receiving. Owner only.</summary>
    /// <returns>Zero, or a negated error number; the descriptor is then still the caller's.</returns>
    internal int Start()
    {
        int result = Loop.Register(this, _descriptor, EpollFlags.Connection);
        _registered = result >= 0;
        if (_registered)
        {
            Loop.Admit(this, EpollFlags.In);
        }

        StartIdleTimer();
        return result;
    }

    /// <summary>
    /// Ends a connection that the application has not been given and need not be told of. On the loop that accepted it, before any other thread has it.
    /// </summary>
    internal void Discard()
    {
        _closed = true;
        _gate.TryShut();
        if (_registered)
        {
            _registered = false;
            Loop.Unregister(this);
        }

        if (!_isUnix)
        {
            // As the kernel does with those that a closed listen socket has not accepted.
            Sys.ResetConnection(_descriptor);
        }

        DropLingerTime();
        Sys.Close(_descriptor);
    }

    /// <summary>
    /// Between requests only: drained both ways, and the application waits for more. Senders need no leave, for the gate and the
    /// descriptor stay; adding it to the other epoll reports what has happened meanwhile.
    /// </summary>
    internal override bool TryMove(EventLoop destination)
    {
        if (!_registered || _readable || _inputEnded || PendingEvents != 0 || IsShutDown || !Reader.IsAwaited || !Writer.IsDrained)
        {
            return false;
        }

        // Before anything is given up: there may be no memory for it.
        BlockCache blocks = Blocks.On(destination);
        EventLoop origin = Loop;
        if (origin.Unwatch(_descriptor) < 0)
        {
            return false;
        }

        origin.Unregister(this);
        _registered = false;
        origin.ConnectionMoved(destination);
        Blocks = blocks;
        RacePoints.Reach(RacePoint.ConnectionMoves, this);

        // In this order: whoever has mail for us finds the new loop, or the old one, which forwards it.
        Loop = destination;
        Post(Mail.Register);
        return true;
    }

    /// <summary>Any thread: the application has made room, or has completed its reader.</summary>
    internal void ResumeReceiving() => Post(Mail.Resume);

    internal override Notice Serve(uint events)
    {
        if (_closed)
        {
            return Notice.Nothing;
        }

        NoteReadiness(events);
        var notice = Notice.Nothing;
        if ((events & (EpollFlags.Out | EpollFlags.Hup | EpollFlags.Err)) != 0)
        {
            // A Unix socket that is shut down reports no room to send; a send that waits must find out all the same.
            notice = OnWritable();
        }

        try
        {
            return Receive(notice);
        }
        catch (Exception exception)
        {
            // A pool's memory threw when it was looked at. What there is to tell already carries a pin.
            return notice with { Kinds = notice.Kinds | Told.Refused, Error = exception };
        }
    }

    internal override Notice OnMail(Mail mail)
    {
        if (_closed)
        {
            return TakeUntold(Notice.Nothing);
        }

        var notice = Notice.Nothing;
        if ((mail & Mail.Register) != Mail.None)
        {
            // Accepted by another loop and given to this one; adding reports what has arrived since.
            int result = Start();
            if (result < 0)
            {
                if (Errno.IsExhaustion(-result))
                {
                    // The endpoint must rest, or it accepts the next client only to have it refused as well.
                    Settings.Endpoint.OnRefused(-result);
                }

                notice = new Notice(Told.Refused, null, SocketErrors.Exception(-result));
            }
        }

        if ((mail & Mail.Deadline) != Mail.None)
        {
            SetIdleTimer();
        }

        if ((mail & Mail.Close) != Mail.None)
        {
            Loop.CloseAfterTurn(this);
        }

        return (mail & Mail.Resume) != Mail.None && notice.IsNothing ? Resume() : notice;
    }

    internal override void Tell(in Notice notice)
    {
        try
        {
            TellAll(notice);
        }
        catch when (notice.Has(Told.InputEnded | Told.Closed))
        {
            // What ends the connection has to be told. Failing posts the close, and there it is told again.
            Interlocked.Or(ref _untold, notice.Kinds & (Told.InputEnded | Told.Closed));
            throw;
        }
    }

    private void TellAll(in Notice notice)
    {
        if (notice.Has(Notice.MemoryWanted))
        {
            FetchMemory();
        }

        if (notice.Has(Told.Resumed))
        {
            Log.ConnectionResume(Settings.Logger, Connection.ConnectionId);
        }

        if (notice.Has(Told.Sent))
        {
            ReturnSent((BufferSegment?)notice.Subject);

            // With input to tell of as well, the flush's continuation goes to the pool: it might not end.
            AfterSend(notice.Has(Told.Received | Told.InputEnded) ? Origin.Foreign : Origin.Loop);
        }

        if (notice.Has(Told.Paused))
        {
            Log.ConnectionPause(Settings.Logger, Connection.ConnectionId);
        }

        if (notice.Has(Told.InputEnded))
        {
            TellEnd(notice);
        }

        if (notice.Has(Told.Refused))
        {
            Abort(notice.Error);
        }

        if (notice.Has(Told.TimedOut))
        {
            TellTimedOut((System.TimeSpan)notice.Subject!);
        }

        if (notice.Has(Notice.Stopped))
        {
            Abort(new ConnectionAbortedException("The transport was stopped."));
        }

        if (notice.Has(Told.Closed))
        {
            Writer.DropUnsent();
            Connection.EndOutputAfterToken();
            if (_socket is ConnectionSocket taken)
            {
                ThreadPool.UnsafeQueueUserWorkItem(static ended => ended.Io.EndTakenSocket(ended.Taken), (Io: this, Taken: taken), preferLocal: false);
            }
            else
            {
                Connection.OnDescriptorClosed();
            }
        }

        // Last: the callback may run here, and whatever came after it would wait for it.
        if (notice.Has(Told.Received))
        {
            Reader.Notify();
        }
    }

    internal override void SendDeferred() => Send(Origin.Foreign);

    internal override object? Transmit() => _gate.TryEnter() == SendGate.Entry.Entered ? WorkAndLeave(SendShare) : null;

    internal override void FinishSend(object? sent)
    {
        if (sent is BufferSegment segment)
        {
            ReturnSent(segment);
            AfterSend(Origin.Foreign);
        }
        else
        {
            // Nothing has left: the gate was busy, or shut and there is something to drop, or the socket is full or broken.
            Send(Origin.Foreign);
        }
    }

    internal override void Fail(Exception cause)
    {
        Log.UnexpectedException(Settings.Logger, Connection.ConnectionId, cause);
        Abort(cause);
        if (Volatile.Read(ref _untold) != 0)
        {
            Post(Mail.Close);
        }
    }

    private Notice TakeUntold(in Notice notice)
    {
        int untold = Volatile.Read(ref _untold) == 0 ? 0 : Interlocked.Exchange(ref _untold, 0);
        return notice with { Kinds = notice.Kinds | untold };
    }

    internal override (string Id, object? EndPoint) Describe() => (Connection.ConnectionId, Connection.LocalEndPoint);
}
