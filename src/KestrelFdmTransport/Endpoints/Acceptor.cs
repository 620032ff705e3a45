using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Endpoints;

/// <summary>One loop's acceptor, on a shared listen socket or one of its own: watches it, accepts and pauses.</summary>
/// <remarks>
/// The lock makes unbinding final. After <see cref="StopAccepting"/>, which any thread may call, this loop makes no
/// call on the listen descriptor, and every connection accepted before is in the queue. No user code runs under the
/// lock, and no command is posted. Accepting continues after every failure: a paused acceptor has a delay, the queue's
/// promise to call, or a command posted to itself.
/// </remarks>
internal sealed class Acceptor : IoSource
{
    /// <summary>One more client is accepted for this number of events that were polled at once, or wait.</summary>
    private const int EventsPerAccept = 32;

    private const int MaxAcceptsPerDispatch = 16;

    private static readonly TimeSpan s_minBackoff = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly FdmConnectionListener _listener;
    private readonly ListenDescriptor _descriptor;
    private readonly ListenRegistration _registration;
    private TimeSpan _backoff;
    private StrongBox<CompactSocketAddress>? _lastLocalName;

    internal Acceptor(FdmConnectionListener listener, int descriptor)
    {
        FaultPoints.Hit(FaultPoint.AcceptorMade);
        _listener = listener;
        _descriptor = new ListenDescriptor(descriptor, listener.ConnectionSettings.InheritsOptions);
        _registration = new ListenRegistration(this, descriptor, _lock);
    }

    /// <summary>
    /// Takes the listen descriptor out of the loop's epoll, for good. Any thread; never waits for the loop. The slot is
    /// free after <see cref="LoopCommand.Close"/>.
    /// </summary>
    internal void StopAccepting()
    {
        using (_lock.Hold())
        {
            _registration.Stop();
        }
    }

    /// <summary>Accepts one client, so that other loops get theirs; more in a long iteration.</summary>
    /// <remarks>
    /// A loop that a thousand clients keep busy has long iterations. With one client each, new ones would wait for a
    /// large part of a second.
    /// </remarks>
    internal override Completion OnReady(uint events)
    {
        AssertOwner();
        int share = AcceptBudget(Loop.Sets.Pending);
        Completion completion;
        bool more;
        do
        {
            completion = AcceptOne(events, out more);
        }
        while (more && --share > 0);

        return completion;
    }

    /// <summary>How many clients a dispatch accepts.</summary>
    internal static int AcceptBudget(int pending) => Math.Min(1 + (pending / EventsPerAccept), MaxAcceptsPerDispatch);

    /// <summary>An exception fails this source, which pauses. Everything acquired before has been released.</summary>
    private Completion AcceptOne(uint events, out bool more)
    {
        more = false;
        bool reserved = false;
        ConnectionIo? accepted = null;
        int result;
        bool pauses;
        bool ended;
        try
        {
            using (_lock.Hold())
            {
                if (!_registration.IsActive)
                {
                    return Completion.None;
                }

                reserved = _listener.Queue.TryReserve();
                if (!reserved)
                {
                    _registration.Pause();
                    return Completion.None;
                }

                result = -_listener.ConnectionSettings.Endpoint.TakeRefusal();
                if (result == 0 && _backoff != default)
                {
                    result = ProbeLocked();
                }

                if (result == 0)
                {
                    result = AcceptLocked(ref reserved, out accepted);
                }

                // A Unix socket that has been shut down stays ready, and its kernel has no client and no error for us.
                ended = (result == -Errno.EINVAL || (result == -Errno.EAGAIN && (events & EpollFlags.Hup) != 0))
                    && _descriptor.HasHungUp;
                pauses = ended || (result < 0
                    ? result != -Errno.EAGAIN && !AcceptErrors.IsTransient(-result)
                    : !Loop.Group.Headroom.IsAmple(result));
                if (pauses)
                {
                    _registration.Pause();
                }
            }
        }
        finally
        {
            if (reserved)
            {
                _listener.Queue.CancelReservation();
            }

            if (accepted is not null)
            {
                OnAccepted(accepted);
            }
        }

        if (pauses)
        {
            return ended
                ? new Completion(CompletionFlags.InputEnded)
                : OnAcceptError(result < 0 ? -result : Errno.EMFILE);
        }

        if (result >= 0)
        {
            _backoff = default;
            more = true;
            return Completion.None;
        }

        return result == -Errno.EAGAIN ? Completion.None : new Completion(CompletionFlags.Reset);
    }

    internal override void RunCallbacks(in Completion completion)
    {
        if (completion.HasFlag(CompletionFlags.Reset))
        {
            // Like Sockets: the client was gone before we came, and the connection never had an id.
            Log.ConnectionReset(_listener.Logger, "(null)");
        }

        if (completion.HasFlag(CompletionFlags.Paused))
        {
            string reason = AcceptErrors.Reason(completion.Errno, Loop.Group.Headroom);
            Log.AcceptPaused(_listener.Logger, _listener.EndPoint, (long)completion.Duration.TotalMilliseconds, reason);
        }

        if (completion.HasFlag(CompletionFlags.InputEnded))
        {
            _listener.OnListenSocketDisposed();
        }

        if (completion.HasFlag(CompletionFlags.LoopStopping) && !_registration.IsStopped)
        {
            // The factory is being disposed with the endpoint still bound: AcceptAsync returns null.
            _listener.StopAccepting(error: null);
        }
    }

    internal override Completion OnCommand(LoopCommand command)
    {
        AssertOwner();
        if ((command & LoopCommand.Close) != LoopCommand.None)
        {
            Loop.CloseAtEndOfIteration(this);
            return Completion.None;
        }

        if (Loop.IsEnding)
        {
            // It had no slot when the loop informed its sources.
            return new Completion(CompletionFlags.LoopStopping);
        }

        if ((command & LoopCommand.PauseAccept) != LoopCommand.None)
        {
            IncreaseBackoff();
            Loop.SetTimer(this, _backoff);
            return Completion.None;
        }

        Loop.AllowHandoffsFor(_listener.ConnectionSettings.Endpoint);
        using (_lock.Hold())
        {
            if (_registration.IsPaused)
            {
                _registration.Resume();
            }
        }

        return Completion.None;
    }

    internal override Completion OnClose()
    {
        _registration.ReleaseSlot();
        return Completion.None;
    }

    internal override (string Id, object? EndPoint) Describe() => ("(accepting)", _listener.EndPoint);

    internal override void Fail(Exception cause)
    {
        using (_lock.Hold())
        {
            if (_registration.IsActive)
            {
                _registration.Pause();
            }
        }

        Post(LoopCommand.PauseAccept);
        if (_listener.FailureReports.TryBegin())
        {
            Log.AcceptFailed(_listener.Logger, _listener.EndPoint, cause);
        }
    }

    /// <summary>
    /// After a pause: may accepting continue? If not, clients that have waited through one pause are closed, some at a
    /// time, rather than left to their own timeouts.
    /// </summary>
    private int ProbeLocked()
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "Stopping takes the lock, and no call comes after that.");
        int result = Loop.ProbeDescriptor();
        if (result < 0)
        {
            _descriptor.RejectWaiting();
        }

        return result;
    }

    /// <summary>
    /// Accepts a client and fills the reserved place with it. If a step throws, nothing is left: neither an open
    /// descriptor nor a connection without an owner.
    /// </summary>
    /// <param name="reserved">False once the place is filled.</param>
    /// <param name="accepted">For <see cref="OnAccepted"/>; null if there is none.</param>
    private unsafe int AcceptLocked(ref bool reserved, out ConnectionIo? accepted)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "Stopping takes the lock, and no call comes after that.");
        accepted = null;
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        int descriptor = _descriptor.Accept(address, &length);
        if (descriptor < 0)
        {
            return descriptor;
        }

        ConnectionIo? io = null;
        try
        {
            StrongBox<CompactSocketAddress> local =
                _listener.HasOneAddress ? _listener.LocalName : GetLocalName(descriptor);
            io = CreateIo(descriptor, local.Value.IsUnix);
            CompactSocketAddress remote = CompactSocketAddress.Parse(
                new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)));
            var connection = new FdmConnection(io, local, remote);
            int started = io.Loop == Loop ? io.Start() : 0;
            if (started < 0)
            {
                // The epoll has no room (fs.epoll.max_user_watches).
                return started;
            }

            Publish(connection, io, ref accepted);
            return descriptor;
        }
        finally
        {
            if (accepted is not null)
            {
                reserved = false;
            }
            else if (io is not null)
            {
                io.Discard();
            }
            else
            {
                _descriptor.Close(descriptor);
            }
        }
    }

    /// <summary>
    /// The connection's side of the descriptor, on the loop that has least to do, if the listen socket is shared.
    /// </summary>
    private ConnectionIo CreateIo(int descriptor, bool isUnix)
    {
        EventLoop home = _listener.IsShared ? _listener.Loops.Balancer.SelectLoop(Loop, Loop.Now) : Loop;
        return new ConnectionIo(descriptor, isUnix, _listener.Buffers, _listener.ConnectionSettings)
        {
            Loop = home
        };
    }

    /// <summary>Counts the connection, and puts it into the queue.</summary>
    /// <param name="accepted">Set if the server has the connection or will have it, even if the queue throws.</param>
    private void Publish(FdmConnection connection, ConnectionIo io, ref ConnectionIo? accepted)
    {
        io.Loop.OnConnectionOpened();
        bool filled = false;
        try
        {
            // False: another loop has failed at this moment and the endpoint is ending.
            filled = _listener.Queue.TryEnqueue(connection);
        }
        finally
        {
            // The queue may have thrown when the server had the connection already.
            if (filled || !connection.TryWithdraw())
            {
                accepted = io;
            }
            else
            {
                io.Loop.OnConnectionClosed();
            }
        }
    }

    /// <summary>Outside the lock: what is left to do for a connection that is in the queue.</summary>
    private void OnAccepted(ConnectionIo io)
    {
        EventLoop home = io.Loop;
        home.Utilization.OnAccepted(Loop.Now);
        Loop.Counters.Accepts++;
        if (home != Loop)
        {
            io.Post(LoopCommand.Register);
        }

        if (_listener.IsShared && _listener.Loops.Balancer.IsAboveShare(Loop, Loop.Now))
        {
            using (_lock.Hold())
            {
                if (_registration.IsActive)
                {
                    _registration.MoveToEnd();
                }
            }
        }
    }

    /// <summary>The connection's own address. Clients mostly come to the same.</summary>
    private StrongBox<CompactSocketAddress> GetLocalName(int descriptor)
    {
        CompactSocketAddress name = CompactSocketAddress.FromLocal(descriptor);
        if (name == default)
        {
            return _listener.LocalName;
        }

        return _lastLocalName is { } last && last.Value == name ? last : _lastLocalName = new(name);
    }

    /// <summary>Outside the lock: comes back after a pause that grows, and says so.</summary>
    private Completion OnAcceptError(int errno)
    {
        IncreaseBackoff();
        Loop.Counters.AcceptPauses++;
        Loop.SetTimer(this, _backoff);
        return _listener.OnAcceptPaused()
            ? new Completion(CompletionFlags.Paused, Duration: _backoff, Errno: errno)
            : Completion.None;
    }

    private void IncreaseBackoff()
        => _backoff = TimeSpan.FromTicks(Math.Clamp(_backoff.Ticks * 2, s_minBackoff.Ticks, s_maxBackoff.Ticks));
}
