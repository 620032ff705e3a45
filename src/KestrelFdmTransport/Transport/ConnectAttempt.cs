using System;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Transport;

/// <summary>
/// One attempt to connect to one address. Everything but the start and the cancellation happens on the loop, so the
/// descriptor never has two users.
/// </summary>
internal sealed class ConnectAttempt : IoSource
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(2);

    private readonly TaskCompletionSource<FdmConnection> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EndPoint _target;
    private readonly SocketAddress _address;
    private readonly BlockCache _blocks;
    private readonly ConnectionSettings _settings;
    private readonly bool _noDelay;
    private readonly TimeSpan _timeout;
    private CancellationToken _cancellation;
    private Exception? _failure;
    private long _started;
    private int _descriptor = -1;
    private bool _enrolled;
    private bool _watched;
    private bool _ended;

    internal ConnectAttempt(EndPoint target, BlockCache blocks, ConnectionSettings settings, FdmTransportOptions options)
    {
        FaultPoints.Reach(FaultPoint.AttemptMade);
        _target = target;
        _address = target.Serialize();
        _blocks = blocks;
        _settings = settings;
        _noDelay = options.NoDelay && target is IPEndPoint;
        _timeout = options.ConnectTimeout;
    }

    private ReadOnlySpan<byte> Address => _address.Buffer.Span[.._address.Size];

    /// <summary>Connects. Any thread, once.</summary>
    internal async Task<FdmConnection> RunAsync(CancellationToken cancellationToken)
    {
        _cancellation = cancellationToken;
        _started = Stopwatch.GetTimestamp();
        Post(Mail.Register);
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static attempt => ((ConnectAttempt)attempt!).Post(Mail.Close), this);
        await using (registration.ConfigureAwait(false))
        {
            return await _outcome.Task.ConfigureAwait(false);
        }
    }

    internal override Notice Serve(uint events)
    {
        const uint Decided = EpollFlags.Out | EpollFlags.Err | EpollFlags.Hup;
        if (_ended || (events & Decided) == 0)
        {
            return Notice.Nothing;
        }

        int error = Sys.TakeError(_descriptor);
        if (error == 0)
        {
            OnConnected();
        }
        else
        {
            End(Refusal(-error));
        }

        return Notice.Nothing;
    }

    internal override Notice OnMail(Mail mail)
    {
        if (_ended)
        {
            if ((mail & Mail.Close) != Mail.None)
            {
                // It comes too late, or there was no memory for the close that was asked for; closing twice does nothing.
                Loop.CloseAfterTurn(this);
            }

            return Notice.Nothing;
        }

        if ((mail & Mail.Close) != Mail.None)
        {
            End(Volatile.Read(ref _failure) ?? new OperationCanceledException(_cancellation));
        }
        else if (_timeout != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_started) >= _timeout)
        {
            End(Refusal(Errno.ETIMEDOUT));
        }
        else if (!_enrolled && !(_enrolled = Loop.TryEnroll(this)))
        {
            End(Stopped());
        }
        else if (!_watched)
        {
            Connect();
        }
        else
        {
            // The clock that is due in a turn is the harvest's, a little behind the one we look at.
            AwakeIn(_timeout - Stopwatch.GetElapsedTime(_started));
        }

        return Notice.Nothing;
    }

    internal override Notice Close()
    {
        if (_enrolled)
        {
            _enrolled = false;
            Loop.Unregister(this);
        }

        if (_descriptor >= 0)
        {
            Sys.Close(_descriptor);
            _descriptor = -1;
        }

        return Notice.Nothing;
    }

    internal override void Tell(in Notice notice)
    {
        if (notice.Has(Notice.Stopped))
        {
            Fail(Stopped());
        }
    }

    internal override void Fail(Exception cause)
    {
        Interlocked.CompareExchange(ref _failure, cause, null);
        Post(Mail.Close);
    }

    /// <summary>As that of a socket: with the address.</summary>
    private SocketException Refusal(int errno)
    {
        SocketException error = SocketErrors.Exception(errno);
        return new SocketException((int)error.SocketErrorCode, $"{error.Message} {_target}");
    }

    private static ObjectDisposedException Stopped() => new(nameof(FdmTransportFactory), "The transport has been stopped.");

    private void Connect()
    {
        int result = Open();
        if (result >= 0)
        {
            result = Sys.Connect(_descriptor, Address);
        }

        switch (result)
        {
            case >= 0:
                OnConnected();
                break;
            case -Errno.EINPROGRESS:
                Watch();
                break;
            case -Errno.EAGAIN when _address.Family == AddressFamily.Unix:
                // The listener's backlog is full. A Unix socket says so at once and never becomes writable by it; try again.
                AwakeIn(s_retry);
                break;
            default:
                End(Refusal(-result));
                break;
        }
    }

    private int Open()
    {
        if (_descriptor < 0)
        {
            int opened = Sys.Socket(SocketName.FamilyOf(Address));
            if (opened < 0)
            {
                return opened;
            }

            if (!Loop.Group.Headroom.IsAmple(opened))
            {
                Sys.Close(opened);
                return -Errno.EMFILE;
            }

            _descriptor = opened;
        }

        return _noDelay ? Sys.NoDelay(_descriptor) : 0;
    }

    private void Watch()
    {
        int result = Loop.Watch(_descriptor, EpollFlags.Out | EpollFlags.EdgeTriggered, Payload);
        if (result < 0)
        {
            End(Refusal(-result));
            return;
        }

        _watched = true;
        if (_timeout != Timeout.InfiniteTimeSpan)
        {
            AwakeIn(_timeout - Stopwatch.GetElapsedTime(_started));
        }
    }

    private void AwakeIn(TimeSpan delay) => Loop.ResumeAfter(this, delay > s_retry ? delay : s_retry);

    /// <summary>The descriptor becomes a connection, on the same loop, with a slot of its own.</summary>
    private void OnConnected()
    {
        if (_watched)
        {
            Loop.Unwatch(_descriptor);
        }

        FaultPoints.Reach(FaultPoint.AttemptConnected);
        SocketName remote = SocketName.Parse(Address);
        var io = new ConnectionIo(_descriptor, remote.IsUnix, _blocks, _settings) { Loop = Loop };
        var connection = new FdmConnection(io, new StrongBox<SocketName>(SocketName.OfLocal(_descriptor)), remote);
        _enrolled = false;
        Loop.Unregister(this);
        int result;
        try
        {
            result = io.Start();
        }
        catch
        {
            // It may have its slot already, and must not be there when the number is another descriptor's.
            _descriptor = -1;
            io.Discard();
            throw;
        }

        if (result < 0)
        {
            End(result == -Errno.EBADF ? Stopped() : Refusal(-result));
            return;
        }

        _ended = true;
        _descriptor = -1;
        Loop.ConnectionOpened();
        _outcome.TrySetResult(connection);
    }

    private void End(Exception error)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        Loop.CloseAfterTurn(this);
        if (error is OperationCanceledException)
        {
            _outcome.TrySetCanceled(_cancellation);
        }
        else
        {
            _outcome.TrySetException(error);
        }
    }
}
