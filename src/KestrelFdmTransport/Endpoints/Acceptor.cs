using System;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Endpoints;

/// <summary>One loop's part in listening, on a shared socket or one of its own: watches it, accepts, rests.</summary>
/// <remarks>
/// The lock makes unbinding final: after <see cref="StopAccepting"/>, which any thread may call, no call is made on the listen
/// descriptor for this loop, and every connection accepted before is in the queue. No user code runs under it, and no command is
/// posted.
/// Whatever fails, accepting goes on: who rests has a delay, or the queue's promise to call, or has left itself a message to rest.
/// </remarks>
internal sealed class Acceptor : IoSource
{
    /// <summary>Clients turned away at a time when descriptors have run out.</summary>
    private const int MaxRejectsPerPause = 64;

    /// <summary>One more client is accepted for so many events that came at once, or wait.</summary>
    private const int EventsPerAccept = 32;

    private const int MaxAcceptsPerDispatch = 16;

    private static readonly TimeSpan s_minBackoff = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromMilliseconds(100);

    private const int Reset = Completion.FirstOfSource;
    private const int Paused = Completion.FirstOfSource << 1;
    private const int Ended = Completion.FirstOfSource << 2;

    private readonly Lock _lock = new();
    private readonly FdmConnectionListener _listener;
    private readonly int _descriptor;
    private TimeSpan _backoff;
    private State _state;
    private bool _registered;
    private StrongBox<CompactSocketAddress>? _lastLocalName;

    internal Acceptor(FdmConnectionListener listener, int descriptor)
    {
        FaultPoints.Hit(FaultPoint.AcceptorMade);
        _listener = listener;
        _descriptor = descriptor;
    }

    private enum State
    {
        /// <summary>Not in the epoll: no room in the accept queue, or no descriptors.</summary>
        Paused,

        Registered,

        Stopped,
    }

    /// <summary>
    /// Takes the listen descriptor out of the loop's epoll, for good. Any thread; never waits for the loop. The slot is free after
    /// <see cref="LoopCommand.Close"/>.
    /// </summary>
    internal void StopAccepting()
    {
        using (_lock.Hold())
        {
            if (_state == State.Registered)
            {
                Loop.Disarm(_descriptor);
            }

            _state = State.Stopped;
        }
    }

    /// <summary>
    /// Accepts one client, so that the others may go to loops that are quicker; but more in a long turn, in which more have come: with one for
    /// each turn of a loop that a thousand clients keep busy, new ones would wait for a good part of a second.
    /// </summary>
    internal override Completion OnReady(uint events)
    {
        int share = AcceptBudget(Loop.Sets.Pending);
        Completion completion;
        bool more;
        do
        {
            completion = AcceptOne(out more);
        }
        while (more && --share > 0);

        return completion;
    }

    /// <summary>How many clients a serve accepts.</summary>
    internal static int AcceptBudget(int pending) => Math.Min(1 + (pending / EventsPerAccept), MaxAcceptsPerDispatch);

    /// <summary>What it throws is this source's failure, which rests; nothing that was taken before is left.</summary>
    private Completion AcceptOne(out bool more)
    {
        more = false;
        bool reserved = false;
        ConnectionIo? accepted = null;
        int result;
        bool rests;
        bool ended;
        try
        {
            using (_lock.Hold())
            {
                if (_state != State.Registered)
                {
                    return Completion.None;
                }

                reserved = _listener.Queue.TryReserve();
                if (!reserved)
                {
                    PauseLocked();
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

                rests = result < 0
                    ? result != -Errno.EAGAIN && !AcceptErrors.IsTransient(-result)
                    : !Loop.Group.Headroom.IsAmple(result);
                if (rests)
                {
                    PauseLocked();
                }

                ended = result == -Errno.EINVAL && Sys.HasHungUp(_descriptor);
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

        if (rests)
        {
            return ended ? new Completion(Ended) : OnAcceptError(result < 0 ? -result : Errno.EMFILE);
        }

        if (result >= 0)
        {
            _backoff = default;
            more = true;
            return Completion.None;
        }

        return result == -Errno.EAGAIN ? Completion.None : new Completion(Reset);
    }

    internal override void RunCallbacks(in Completion completion)
    {
        if (completion.HasFlag(Reset))
        {
            // Like Sockets: the client was gone before we came, and the connection never had an id.
            Log.ConnectionReset(_listener.Logger, "(null)");
        }

        if (completion.HasFlag(Paused))
        {
            var (pause, reason) = ((TimeSpan, string))completion.Subject!;
            Log.AcceptPaused(_listener.Logger, _listener.EndPoint, (long)pause.TotalMilliseconds, reason);
        }

        if (completion.HasFlag(Ended))
        {
            _listener.OnListenSocketDisposed();
        }

        if (completion.HasFlag(Completion.LoopStopping) && _state != State.Stopped)
        {
            // The factory is being disposed with the endpoint still bound: whoever waits in AcceptAsync gets null.
            _listener.StopAccepting(error: null);
        }
    }

    internal override Completion OnCommand(LoopCommand command)
    {
        if ((command & LoopCommand.Close) != LoopCommand.None)
        {
            Loop.CloseAtEndOfIteration(this);
            return Completion.None;
        }

        if (Loop.IsEnding)
        {
            // It was not there yet, or no more, when the loop told its sources so.
            return new Completion(Completion.LoopStopping);
        }

        if ((command & LoopCommand.PauseAccept) != LoopCommand.None)
        {
            IncreaseBackoff();
            Loop.ScheduleResume(this, _backoff);
            return Completion.None;
        }

        using (_lock.Hold())
        {
            if (_state == State.Paused)
            {
                RegisterLocked();
            }
        }

        return Completion.None;
    }

    internal override Completion OnClose()
    {
        if (_registered)
        {
            _registered = false;
            Loop.Deregister(this);
        }

        return Completion.None;
    }

    internal override (string Id, object? EndPoint) Describe() => ("(accepting)", _listener.EndPoint);

    internal override void Fail(Exception cause)
    {
        using (_lock.Hold())
        {
            if (_state == State.Registered)
            {
                PauseLocked();
            }
        }

        Post(LoopCommand.PauseAccept);
        if (_listener.FailureReports.TryBegin())
        {
            Log.AcceptFailed(_listener.Logger, _listener.EndPoint, cause);
        }
    }

    /// <summary>
    /// After a pause: may accepting go on? If not, clients that have waited through one are told so by closing them, a share at a
    /// time, rather than left to their own time-outs.
    /// </summary>
    private unsafe int ProbeLocked()
    {
        int result = Loop.Group.Headroom.Probe(Loop);
        for (int i = 0; i < MaxRejectsPerPause && result < 0; i++)
        {
            int client = Accept(null, null);
            if (client < 0)
            {
                break;
            }

            Close(client);
        }

        return result;
    }

    /// <summary>
    /// Accepts a client, and fills the reserved place with it. Whatever is thrown, nothing is left: neither a descriptor that
    /// stays open nor a connection that belongs to no side.
    /// </summary>
    /// <param name="reserved">False once the place is filled.</param>
    /// <param name="accepted">For <see cref="OnAccepted"/>; null if there is none.</param>
    private unsafe int AcceptLocked(ref bool reserved, out ConnectionIo? accepted)
    {
        accepted = null;
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        int descriptor = Accept(address, &length);
        if (descriptor < 0)
        {
            return descriptor;
        }

        ConnectionIo? io = null;
        FdmConnection? queued = null;
        bool filled = false;
        try
        {
            CompactSocketAddress remote = CompactSocketAddress.Parse(new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)));
            StrongBox<CompactSocketAddress> local = _listener.HasOneAddress ? _listener.LocalName : LocalName(descriptor);
            EventLoop home = _listener.IsShared ? _listener.Loops.Balancer.SelectLoop(Loop, Loop.Now) : Loop;
            io = new ConnectionIo(descriptor, local.Value.IsUnix, _listener.GetBuffers(home), _listener.ConnectionSettings) { Loop = home };
            var connection = new FdmConnection(io, local, remote);
            int started = home == Loop ? io.Start() : 0;
            if (started < 0)
            {
                // The epoll has no room (fs.epoll.max_user_watches).
                return started;
            }

            home.OnConnectionOpened();
            queued = connection;

            // False: another loop has failed at this moment and the endpoint is ending.
            filled = _listener.Queue.TryEnqueue(connection);
            return descriptor;
        }
        finally
        {
            // The queue may have thrown when the server had the connection already.
            if (filled || (queued is not null && !queued.TryWithdraw()))
            {
                reserved = false;
                accepted = io;
            }
            else
            {
                TakeBack(io, descriptor, counted: queued is not null);
            }
        }
    }

    private void TakeBack(ConnectionIo? io, int descriptor, bool counted)
    {
        if (counted)
        {
            io!.Loop.OnConnectionClosed();
        }

        if (io is not null)
        {
            io.Discard();
        }
        else
        {
            Close(descriptor);
        }
    }

    /// <summary>Outside the lock: what is left to do for a connection that is in the queue.</summary>
    private void OnAccepted(ConnectionIo io)
    {
        EventLoop home = io.Loop;
        home.Utilization.OnAccepted(Loop.Now);
        Loop.OnAccepted();
        if (home != Loop)
        {
            io.Post(LoopCommand.Register);
        }

        if (_listener.IsShared && _listener.Loops.Balancer.IsAboveShare(Loop))
        {
            using (_lock.Hold())
            {
                if (_state == State.Registered)
                {
                    // The kernel wakes the waiter that came last first; going out and in again puts this loop behind the others.
                    Loop.Disarm(_descriptor);
                    RegisterLocked();
                }
            }
        }
    }

    private unsafe int Accept(byte* address, int* length)
    {
        if (_listener.ConnectionSettings.InheritsOptions)
        {
            // Of loops that are woken for one client all but one find none, and must not sleep in accept4 until the next one comes.
            Sys.MakeNonBlocking(_descriptor);
        }

        return Sys.Accept(_descriptor, address, length);
    }

    /// <summary>Closes a descriptor that was accepted and has become no connection. It may have inherited an <c>SO_LINGER</c> time.</summary>
    private void Close(int client)
    {
        if (_listener.ConnectionSettings.InheritsOptions)
        {
            Sys.ClearLingerTime(client);
        }

        Sys.Close(client);
    }

    /// <summary>The connection's own address. Clients mostly come to the same.</summary>
    private StrongBox<CompactSocketAddress> LocalName(int descriptor)
    {
        CompactSocketAddress name = CompactSocketAddress.FromLocal(descriptor);
        if (name == default)
        {
            return _listener.LocalName;
        }

        return _lastLocalName is { } last && last.Value == name ? last : _lastLocalName = new(name);
    }

    private void RegisterLocked()
    {
        const uint Events = EpollFlags.In | EpollFlags.Exclusive;

        // Unless it succeeds.
        _state = State.Paused;
        int result;
        if (_registered)
        {
            result = Loop.Rearm(_descriptor, Events, Token);
            if (result == -Errno.EEXIST)
            {
                // It has not left before. It has to, for its place among the other loops.
                Loop.Disarm(_descriptor);
                result = Loop.Rearm(_descriptor, Events, Token);
                result = result == -Errno.EEXIST ? 0 : result;
            }
        }
        else
        {
            result = Loop.Register(this, _descriptor, Events);
            _registered = result >= 0;
        }

        if (result < 0)
        {
            throw SocketErrors.Exception(-result);
        }

        _state = State.Registered;
    }

    private void PauseLocked()
    {
        Loop.Disarm(_descriptor);
        _state = State.Paused;
    }

    /// <summary>Outside the lock: comes back after a pause that grows, and says so.</summary>
    private Completion OnAcceptError(int errno)
    {
        IncreaseBackoff();
        Loop.OnAcceptPaused();
        Loop.ScheduleResume(this, _backoff);
        return _listener.PauseReports.TryBegin() ? new Completion(Paused, (_backoff, AcceptErrors.Reason(errno, Loop.Group.Headroom))) : Completion.None;
    }

    private void IncreaseBackoff()
        => _backoff = _backoff == default ? s_minBackoff : TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, s_maxBackoff.Ticks));
}
