using System;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Transport;

/// <summary>One loop's part in listening, on a shared socket or one of its own: watches it, accepts, rests.</summary>
/// <remarks>
/// The lock makes unbinding final: after <see cref="StopAccepting"/>, which any thread may call, no call is made on the listen
/// descriptor for this loop, and every connection accepted before is in the queue. No foreign code runs under it, and no mail is
/// posted.
/// Whatever fails, accepting goes on: who rests has a delay, or the queue's promise to call, or has left itself a message to rest.
/// </remarks>
internal sealed class ListenSource : IoSource
{
    /// <summary>Clients turned away at a time when descriptors have run out.</summary>
    private const int TurnAwayShare = 64;

    /// <summary>One more client is accepted for so many events that came at once, or wait.</summary>
    private const int EventsPerAccept = 32;

    private const int MostAccepts = 16;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(100);

    private const int Reset = Notice.FirstOwn;
    private const int Rests = Notice.FirstOwn << 1;
    private const int Ended = Notice.FirstOwn << 2;

    private readonly Lock _lock = new();
    private readonly FdmConnectionListener _listener;
    private readonly int _descriptor;
    private TimeSpan _pause;
    private State _state;
    private bool _registered;
    private StrongBox<SocketName>? _lastLocalName;

    internal ListenSource(FdmConnectionListener listener, int descriptor)
    {
        FaultPoints.Reach(FaultPoint.ListenSourceMade);
        _listener = listener;
        _descriptor = descriptor;
    }

    private enum State
    {
        /// <summary>Not in the epoll: no room in the accept queue, or no descriptors.</summary>
        Resting,

        Watching,

        Stopped,
    }

    /// <summary>
    /// Takes the listen descriptor out of the loop's epoll, for good. Any thread; never waits for the loop. The slot is free after
    /// <see cref="Mail.Close"/>.
    /// </summary>
    internal void StopAccepting()
    {
        using (_lock.Hold())
        {
            if (_state == State.Watching)
            {
                Loop.Unwatch(_descriptor);
            }

            _state = State.Stopped;
        }
    }

    /// <summary>
    /// Accepts one client, so that the others may go to loops that are quicker; but more in a long turn, in which more have come: with one for
    /// each turn of a loop that a thousand clients keep busy, new ones would wait for a good part of a second.
    /// </summary>
    internal override Notice Serve(uint events)
    {
        int share = Share(Loop.Sets.Pending);
        Notice notice;
        bool more;
        do
        {
            notice = AcceptOne(out more);
        }
        while (more && --share > 0);

        return notice;
    }

    /// <summary>How many clients a serve accepts.</summary>
    internal static int Share(int pending) => Math.Min(1 + (pending / EventsPerAccept), MostAccepts);

    /// <summary>What it throws is this source's failure, which rests; nothing that was taken before is left.</summary>
    private Notice AcceptOne(out bool more)
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
                if (_state != State.Watching)
                {
                    return Notice.Nothing;
                }

                reserved = _listener.Queue.TryReserve();
                if (!reserved)
                {
                    RestInsideLock();
                    return Notice.Nothing;
                }

                result = -_listener.ConnectionSettings.Endpoint.TakeRefusal();
                if (result == 0 && _pause != default)
                {
                    result = ProbeInsideLock();
                }

                if (result == 0)
                {
                    result = AcceptInsideLock(ref reserved, out accepted);
                }

                rests = result < 0
                    ? result != -Errno.EAGAIN && !AcceptErrors.IsTransient(-result)
                    : !Loop.Group.Headroom.IsAmple(result);
                if (rests)
                {
                    RestInsideLock();
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
            return ended ? new Notice(Ended) : OnAcceptError(result < 0 ? -result : Errno.EMFILE);
        }

        if (result >= 0)
        {
            _pause = default;
            more = true;
            return Notice.Nothing;
        }

        return result == -Errno.EAGAIN ? Notice.Nothing : new Notice(Reset);
    }

    internal override void Tell(in Notice notice)
    {
        if (notice.Has(Reset))
        {
            // Like Sockets: the client was gone before we came, and the connection never had an id.
            Log.ConnectionReset(_listener.Logger, "(null)");
        }

        if (notice.Has(Rests))
        {
            var (pause, reason) = ((TimeSpan, string))notice.Subject!;
            Log.AcceptPaused(_listener.Logger, _listener.EndPoint, (long)pause.TotalMilliseconds, reason);
        }

        if (notice.Has(Ended))
        {
            _listener.OnListenSocketGone();
        }

        if (notice.Has(Notice.Stopped) && _state != State.Stopped)
        {
            // The factory is being disposed with the endpoint still bound: whoever waits in AcceptAsync gets null.
            _listener.StopAccepting(error: null);
        }
    }

    internal override Notice OnMail(Mail mail)
    {
        if ((mail & Mail.Close) != Mail.None)
        {
            Loop.CloseAfterTurn(this);
            return Notice.Nothing;
        }

        if (Loop.IsEnding)
        {
            // It was not there yet, or no more, when the loop told its sources so.
            return new Notice(Notice.Stopped);
        }

        if ((mail & Mail.Rest) != Mail.None)
        {
            GrowPause();
            Loop.ResumeAfter(this, _pause);
            return Notice.Nothing;
        }

        using (_lock.Hold())
        {
            if (_state == State.Resting)
            {
                WatchInsideLock();
            }
        }

        return Notice.Nothing;
    }

    internal override Notice Close()
    {
        if (_registered)
        {
            _registered = false;
            Loop.Unregister(this);
        }

        return Notice.Nothing;
    }

    internal override (string Id, object? EndPoint) Describe() => ("(accepting)", _listener.EndPoint);

    internal override void Fail(Exception cause)
    {
        using (_lock.Hold())
        {
            if (_state == State.Watching)
            {
                RestInsideLock();
            }
        }

        Post(Mail.Rest);
        if (_listener.FailureReports.TryBegin())
        {
            Log.AcceptFailed(_listener.Logger, _listener.EndPoint, cause);
        }
    }

    /// <summary>
    /// After a pause: may accepting go on? If not, clients that have waited through one are told so by closing them, a share at a
    /// time, rather than left to their own time-outs.
    /// </summary>
    private unsafe int ProbeInsideLock()
    {
        int result = Loop.Group.Headroom.Probe(Loop);
        for (int i = 0; i < TurnAwayShare && result < 0; i++)
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
    private unsafe int AcceptInsideLock(ref bool reserved, out ConnectionIo? accepted)
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
            SocketName remote = SocketName.Parse(new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)));
            StrongBox<SocketName> local = _listener.HasOneAddress ? _listener.LocalName : LocalName(descriptor);
            EventLoop home = _listener.IsShared ? _listener.Loops.Balance.Home(Loop, Loop.Now) : Loop;
            io = new ConnectionIo(descriptor, local.Value.IsUnix, _listener.BlocksOf(home), _listener.ConnectionSettings) { Loop = home };
            var connection = new FdmConnection(io, local, remote);
            int started = home == Loop ? io.Start() : 0;
            if (started < 0)
            {
                // The epoll has no room (fs.epoll.max_user_watches).
                return started;
            }

            home.ConnectionOpened();
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
            io!.Loop.ConnectionClosed();
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
        home.Load.CountNewcomer(Loop.Now);
        Loop.CountAccept();
        if (home != Loop)
        {
            io.Post(Mail.Register);
        }

        if (_listener.IsShared && _listener.Loops.Balance.IsAboveShare(Loop))
        {
            using (_lock.Hold())
            {
                if (_state == State.Watching)
                {
                    // The kernel wakes the waiter that came last first; going out and in again puts this loop behind the others.
                    Loop.Unwatch(_descriptor);
                    WatchInsideLock();
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
            Sys.DropLingerTime(client);
        }

        Sys.Close(client);
    }

    /// <summary>The connection's own address. Clients mostly come to the same.</summary>
    private StrongBox<SocketName> LocalName(int descriptor)
    {
        SocketName name = SocketName.OfLocal(descriptor);
        if (name == default)
        {
            return _listener.LocalName;
        }

        return _lastLocalName is { } last && last.Value == name ? last : _lastLocalName = new(name);
    }

    private void WatchInsideLock()
    {
        const uint Events = EpollFlags.In | EpollFlags.Exclusive;

        // Unless it succeeds.
        _state = State.Resting;
        int result;
        if (_registered)
        {
            result = Loop.Watch(_descriptor, Events, Payload);
            if (result == -Errno.EEXIST)
            {
                // It has not left before. It has to, for its place among the other loops.
                Loop.Unwatch(_descriptor);
                result = Loop.Watch(_descriptor, Events, Payload);
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

        _state = State.Watching;
    }

    private void RestInsideLock()
    {
        Loop.Unwatch(_descriptor);
        _state = State.Resting;
    }

    /// <summary>Outside the lock: comes back after a pause that grows, and says so.</summary>
    private Notice OnAcceptError(int errno)
    {
        GrowPause();
        Loop.CountRest();
        Loop.ResumeAfter(this, _pause);
        return _listener.PauseReports.TryBegin() ? new Notice(Rests, (_pause, AcceptErrors.Reason(errno, Loop.Group.Headroom))) : Notice.Nothing;
    }

    private void GrowPause()
        => _pause = _pause == default ? s_firstPause : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, s_longestPause.Ticks));
}
