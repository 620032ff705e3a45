using System;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>
/// One attempt to connect to one address. Everything but the start and the cancellation happens on the loop, so the
/// descriptor never has two users.
/// </summary>
internal sealed class Connector : IoSource
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(2);

    private readonly TaskCompletionSource<FdmConnection> _outcome = new(
        TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EndPoint _target;
    private readonly SocketAddress _address;
    private readonly EndpointBuffers _buffers;
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

    internal Connector(
        EndPoint target, EndpointBuffers buffers, ConnectionSettings settings, FdmTransportOptions options)
    {
        FaultPoints.Hit(FaultPoint.ConnectorMade);
        _target = target;
        _address = target.Serialize();
        _buffers = buffers;
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
        Post(LoopCommand.Register);
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static attempt => ((Connector)attempt!).Post(LoopCommand.Close), this);
        await using (registration.ConfigureAwait(false))
        {
            try
            {
                return await _outcome.Task.ConfigureAwait(false);
            }
            catch (SocketException error)
            {
                // With the address, as that of a socket. Its text is user code if the endpoint is of the application's
                // own type, and so not for the loop.
                throw new SocketException((int)error.SocketErrorCode, $"{error.Message} {_target}");
            }
        }
    }

    internal override Completion OnReady(uint events)
    {
        AssertOwner();
        const uint Decided = EpollFlags.Out | EpollFlags.Err | EpollFlags.Hup;
        if (_ended || (events & Decided) == 0)
        {
            return Completion.None;
        }

        int error = SocketOptions.GetError(_descriptor);
        if (error == 0)
        {
            OnConnected();
        }
        else
        {
            Finish(SocketErrors.Exception(-error));
        }

        return Completion.None;
    }

    internal override Completion OnCommand(LoopCommand command)
    {
        AssertOwner();
        if (_ended)
        {
            if ((command & LoopCommand.Close) != LoopCommand.None)
            {
                // It comes too late, or there was no memory for the close that was asked for; closing twice does
                // nothing.
                Loop.CloseAtEndOfIteration(this);
            }

            return Completion.None;
        }

        if ((command & LoopCommand.Close) != LoopCommand.None)
        {
            Finish(Volatile.Read(ref _failure) ?? new OperationCanceledException(_cancellation));
        }
        else if (_timeout != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_started) >= _timeout)
        {
            Finish(SocketErrors.Exception(Errno.ETIMEDOUT));
        }
        else if (!_enrolled && !(_enrolled = Loop.TryTakeSlot(this)))
        {
            Finish(Stopped());
        }
        else if (!_watched)
        {
            Connect();
        }
        else
        {
            // The loop's timers use the time of its last poll, which is a little behind this clock.
            ScheduleRetry(_timeout - Stopwatch.GetElapsedTime(_started));
        }

        return Completion.None;
    }

    internal override Completion OnClose()
    {
        AssertOwner();
        if (_enrolled)
        {
            _enrolled = false;
            Loop.Deregister(this);
        }

        if (_descriptor >= 0)
        {
            Sys.Close(_descriptor);
            _descriptor = -1;
        }

        return Completion.None;
    }

    internal override void RunCallbacks(in Completion completion)
    {
        if (completion.HasFlag(CompletionFlags.LoopStopping))
        {
            Fail(Stopped());
        }
    }

    internal override void Fail(Exception cause)
    {
        Interlocked.CompareExchange(ref _failure, cause, null);
        Post(LoopCommand.Close);
    }

    private static ObjectDisposedException Stopped() => new("FdmTransportFactory", "The transport has been stopped.");

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
                // The listener's backlog is full. A Unix socket says so at once and never becomes writable by it; try
                // again.
                ScheduleRetry(s_retry);
                break;
            default:
                Finish(SocketErrors.Exception(-result));
                break;
        }
    }

    private int Open()
    {
        if (_descriptor < 0)
        {
            int opened = Sys.Socket(CompactSocketAddress.GetFamily(Address));
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

        return _noDelay ? SocketOptions.SetNoDelay(_descriptor) : 0;
    }

    private void Watch()
    {
        int result = Loop.Rearm(_descriptor, EpollFlags.Out | EpollFlags.EdgeTriggered, Token);
        if (result < 0)
        {
            Finish(SocketErrors.Exception(-result));
            return;
        }

        _watched = true;
        if (_timeout != Timeout.InfiniteTimeSpan)
        {
            ScheduleRetry(_timeout - Stopwatch.GetElapsedTime(_started));
        }
    }

    private void ScheduleRetry(TimeSpan delay) => Loop.SetTimer(this, delay > s_retry ? delay : s_retry);

    /// <summary>The descriptor becomes a connection, on the same loop, with a slot of its own.</summary>
    private void OnConnected()
    {
        if (_watched)
        {
            Loop.Disarm(_descriptor);
        }

        FaultPoints.Hit(FaultPoint.ConnectorConnected);
        CompactSocketAddress remote = CompactSocketAddress.Parse(Address);
        var io = new ConnectionIo(_descriptor, remote.IsUnix, _buffers, _settings) { Loop = Loop };
        var connection = new FdmConnection(
            io, new StrongBox<CompactSocketAddress>(CompactSocketAddress.FromLocal(_descriptor)), remote);
        _enrolled = false;
        Loop.Deregister(this);
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
            Finish(result == -Errno.EBADF ? Stopped() : SocketErrors.Exception(-result));
            return;
        }

        _ended = true;
        _descriptor = -1;
        Loop.OnConnectionOpened();
        Loop.Counters.Connects++;
        _outcome.TrySetResult(connection);
    }

    private void Finish(Exception error)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        Loop.Counters.ConnectFailures++;
        Loop.CloseAtEndOfIteration(this);
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
