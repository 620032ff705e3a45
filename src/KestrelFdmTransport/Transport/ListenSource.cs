using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Transport;

/// <summary>One loop's part in listening, on a shared socket or one of its own: watches it, accepts, rests.</summary>
/// <remarks>
/// The lock makes unbinding final: after <see cref="StopAccepting"/>, which any thread may call, no call is made on the listen
/// descriptor for this loop, and every connection accepted before is in the queue. No foreign code runs under it.
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
    private const int Unwanted = Notice.FirstOwn << 2;

    private readonly Lock _lock = new();
    private readonly FdmConnectionListener _listener;
    private readonly int _descriptor;
    private TimeSpan _pause;
    private long _nextReport;
    private State _state;
    private bool _registered;
    private StrongBox<SocketName>? _lastLocalName;

    internal ListenSource(FdmConnectionListener listener, int descriptor)
    {
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

    /// <summary>Takes the listen descriptor out of the loop's epoll, for good. Any thread; never waits for the loop.</summary>
    internal void StopAccepting()
    {
        lock (_lock)
        {
            if (_state == State.Watching)
            {
                Loop.Unwatch(_descriptor);
            }

            _state = State.Stopped;
        }

        Post(Mail.Close);
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

    private Notice AcceptOne(out bool more)
    {
        more = false;
        int result;
        ConnectionIo? unwanted = null;
        lock (_lock)
        {
            if (_state != State.Watching)
            {
                return Notice.Nothing;
            }

            if (!_listener.Queue.TryReserve())
            {
                RestInsideLock();
                return Notice.Nothing;
            }

            result = _pause == default ? 0 : ProbeInsideLock();
            if (result == 0)
            {
                result = AcceptInsideLock(out unwanted);
            }

            if (result < 0)
            {
                _listener.Queue.CancelReservation();
            }

            if (result < 0 ? result != -Errno.EAGAIN && !IsTransient(-result) : !_listener.Headroom.IsAmple(result))
            {
                RestInsideLock();
            }
        }

        if (unwanted is not null)
        {
            return new Notice(Unwanted, unwanted);
        }

        if (_state == State.Resting)
        {
            return OnAcceptError(result < 0 ? -result : Errno.EMFILE);
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
            Log.AcceptPaused(_listener.Logger, _listener.EndPoint, (long)((TimeSpan)notice.Subject!).TotalMilliseconds, notice.Error!.Message);
        }

        if (notice.Has(Unwanted))
        {
            ((ConnectionIo)notice.Subject!).Abort(new ConnectionAbortedException("The endpoint has stopped accepting."));
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

        if ((mail & Mail.Rest) != Mail.None)
        {
            GrowPause();
            Loop.ResumeAfter(this, _pause);
            return Notice.Nothing;
        }

        lock (_lock)
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
        lock (_lock)
        {
            if (_state == State.Watching)
            {
                RestInsideLock();
            }
        }

        Post(Mail.Rest);
        Log.AcceptFailed(_listener.Logger, _listener.EndPoint, cause);
    }

    private static bool IsTransient(int errno) => !Errno.IsExhaustion(errno) && errno is not (Errno.EBADF or Errno.EINVAL or Errno.ENOTSOCK or Errno.EOPNOTSUPP);

    /// <summary>
    /// After a pause: may accepting go on? If not, clients that have waited through one are told so by closing them, a share at a
    /// time, rather than left to their own time-outs.
    /// </summary>
    private unsafe int ProbeInsideLock()
    {
        int result = _listener.Headroom.Probe();
        for (int i = 0; i < TurnAwayShare && result < 0; i++)
        {
            int client = Sys.Accept(_descriptor, null, null);
            if (client < 0)
            {
                break;
            }

            Sys.Close(client);
        }

        return result;
    }

    private unsafe int AcceptInsideLock(out ConnectionIo? unwanted)
    {
        unwanted = null;
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        int descriptor = Sys.Accept(_descriptor, address, &length);
        if (descriptor < 0)
        {
            return descriptor;
        }

        SocketName remote = SocketName.Parse(new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)));
        StrongBox<SocketName> local = _listener.IsWildcard ? LocalName(descriptor) : _listener.LocalName;
        EventLoop home = _listener.IsShared ? _listener.Loops.Balance.Home(Loop, Loop.Now) : Loop;
        var io = new ConnectionIo(descriptor, local.Value.IsUnix, _listener.BlocksOf(home), _listener.ConnectionSettings) { Loop = home };
        var connection = new FdmConnection(io, local, remote);
        if (home == Loop)
        {
            int started = io.Start();
            if (started < 0)
            {
                // The epoll has no room (fs.epoll.max_user_watches); nobody else knows the descriptor.
                Sys.Close(descriptor);
                return started;
            }
        }
        else
        {
            io.Post(Mail.Register);
        }

        home.ConnectionOpened();
        home.Load.CountNewcomer(Loop.Now);
        Loop.CountAccept();
        if (!_listener.Queue.TryEnqueue(connection))
        {
            // Another loop has failed at this moment and the endpoint is ending.
            unwanted = io;
        }

        if (_listener.IsShared && _listener.Loops.Balance.IsAboveShare(Loop))
        {
            // The kernel wakes the waiter that came last first; going out and in again puts this loop behind the others.
            Loop.Unwatch(_descriptor);
            WatchInsideLock();
        }

        return descriptor;
    }

    /// <summary>Clients of a wildcard endpoint mostly come to the same address.</summary>
    private StrongBox<SocketName> LocalName(int descriptor)
    {
        SocketName name = SocketName.OfLocal(descriptor);
        return _lastLocalName is { } last && last.Value == name ? last : _lastLocalName = new(name);
    }

    private void WatchInsideLock()
    {
        const uint Events = EpollFlags.In | EpollFlags.Exclusive;
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

        if (result >= 0)
        {
            _state = State.Watching;
            return;
        }

        _state = State.Resting;
        throw SocketErrors.Exception(-result);
    }

    private void RestInsideLock()
    {
        Loop.Unwatch(_descriptor);
        _state = State.Resting;
    }

    /// <summary>Outside the lock: comes back after a pause that grows, and says so, but not more often than once a second.</summary>
    private Notice OnAcceptError(int errno)
    {
        GrowPause();
        Loop.CountRest();
        Loop.ResumeAfter(this, _pause);
        if (Loop.Now < _nextReport)
        {
            return Notice.Nothing;
        }

        _nextReport = Loop.Now + Stopwatch.Frequency;
        return new Notice(Rests, _pause, SocketErrors.Exception(errno));
    }

    private void GrowPause()
        => _pause = _pause == default ? s_firstPause : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, s_longestPause.Ticks));
}
