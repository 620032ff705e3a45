using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Endpoints;

/// <summary>
/// An endpoint: a listen socket that all loops share, or one for each, and the queue of what they have accepted.
/// </summary>
internal sealed class FdmConnectionListener : IConnectionListener
{
    /// <summary>No more than one log line of a kind in this time.</summary>
    private static readonly TimeSpan s_logPeriod = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_endTimeout = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often it is asked whether the application has disposed of its listen socket, if nothing else says so.
    /// </summary>
    private static readonly TimeSpan s_socketCheck = TimeSpan.FromMilliseconds(500);

    private readonly ListenSocket[] _sockets;
    private readonly Acceptor[] _acceptors;
    private readonly Lock _lock = new();
    private readonly Timer? _socketTimer;
    private readonly LogThrottle _pauseReports = new(s_logPeriod);
    private readonly TaskCompletionSource _unbinding = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _stopped;
    private bool _unbound;
    private long _lastPause;
    private int _disposed;

    internal FdmConnectionListener(
        ListenSocket[] sockets,
        EventLoopGroup loops,
        EventLoop[] running,
        EndpointBuffers buffers,
        int acceptQueueLength,
        ConnectionSettings settings)
    {
        FaultPoints.Hit(FaultPoint.ListenerMade);
        _sockets = sockets;
        Loops = loops;
        ConnectionSettings = settings;
        EndPoint = sockets[0].EndPoint;
        LocalName = new(CompactSocketAddress.FromLocal(sockets[0].Descriptor));
        bool isWildcard = EndPoint is IPEndPoint ip
            && (ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any));
        HasOneAddress = LocalName.Value.IsUnix || (!isWildcard && !settings.InheritsOptions);
        Queue = new AcceptQueue(acceptQueueLength, ResumeAccepting);
        Buffers = buffers;
        _acceptors = [];
        try
        {
            using (_lock.Hold())
            {
                // In this order: a loop that fails from here on is replaced as soon as the lock is free, and one that
                // has failed before is not among those that run any more. All sources are made before the first one
                // accepts.
                loops.LoopFailed += OnLoopFailed;
                _acceptors = Array.ConvertAll(running, CreateAcceptor);
                if (loops.Failure is { } failure)
                {
                    throw new InvalidOperationException(
                        "An event loop has failed for good, and clients would wait for it in vain.",
                        failure);
                }

                foreach (ListenSocket socket in sockets)
                {
                    if (socket.IsApplications)
                    {
                        socket.TryHold();
                    }
                }
            }

            if (Array.Exists(sockets, static socket => socket.IsApplications))
            {
                FaultPoints.Hit(FaultPoint.TimerMade);
                _socketTimer = new Timer(
                    static listener => ((FdmConnectionListener)listener!).CheckSockets(),
                    this,
                    s_socketCheck,
                    s_socketCheck);
            }
        }
        catch
        {
            using (_lock.Hold())
            {
                // The failure of a loop, the timer, and an acceptor that has replaced another find nothing to do from
                // here on.
                _unbound = true;
                StopLocked();
            }

            loops.LoopFailed -= OnLoopFailed;
            _socketTimer?.Dispose();
            throw;
        }

        // From here on nothing is taken back: a loop that cannot be woken reads its command later.
        foreach (Acceptor source in _acceptors)
        {
            PostSafely(source, LoopCommand.Register);
        }
    }

    public EndPoint EndPoint { get; }

    internal EventLoopGroup Loops { get; }

    internal ConnectionSettings ConnectionSettings { get; }

    internal ILogger Logger => ConnectionSettings.Logger;

    /// <summary>The memory of this endpoint's connections. Its pool is disposed with the listener.</summary>
    internal EndpointBuffers Buffers { get; }

    internal AcceptQueue Queue { get; }

    /// <summary>Throttles the log lines about failures of all loops together.</summary>
    internal LogThrottle FailureReports { get; } = new(s_logPeriod);

    /// <summary>
    /// True if all loops accept from one socket; else each has its own, and the kernel deals connections out.
    /// </summary>
    internal bool IsShared => _sockets.Length == 1;

    internal StrongBox<CompactSocketAddress> LocalName { get; }

    /// <summary>
    /// True if every connection has the listener's own address. A wildcard stands for many, and a listen socket from
    /// elsewhere may take packets that were meant for another address (<c>IP_TRANSPARENT</c>, <c>sk_lookup</c>).
    /// </summary>
    internal bool HasOneAddress { get; }

    /// <summary>True once it listens no more.</summary>
    internal bool IsUnbound => Volatile.Read(ref _unbound);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await Queue.DequeueAsync(cancellationToken).ConfigureAwait(false);

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        Unbind();

        // A second caller must not go on before the first is done.
        return new(_unbinding.Task);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // The end of the application's own kind of socket is user code and may throw.
            await UnbindAsync().ConfigureAwait(false);
        }
        finally
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                await EndQueuedAsync().ConfigureAwait(false);
                Buffers.DisposePool();
                Loops.RemoveUser();
            }
        }
    }

    internal bool HasAccepted(ConnectionIo connection) => connection.Settings.Endpoint == ConnectionSettings.Endpoint;

    internal EndpointStatistics ReadStatistics()
    {
        long lastPause = Volatile.Read(ref _lastPause);
        return new EndpointStatistics
        {
            EndPoint = EndPoint,
            Scheduling = ConnectionSettings.Endpoint.Scheduling,
            Accepts = Queue.Taken,
            Queued = Queue.Reserved,
            IsAccepting = !Volatile.Read(ref _stopped),
            TimeSinceAcceptPause = lastPause == 0 ? null : Stopwatch.GetElapsedTime(lastPause),
        };
    }

    /// <summary>An acceptor pauses because descriptors or memory are short.</summary>
    /// <returns>True if that is to be logged.</returns>
    internal bool OnAcceptPaused()
    {
        Volatile.Write(ref _lastPause, Stopwatch.GetTimestamp());
        return _pauseReports.TryBegin();
    }

    /// <summary>Stops every loop's accepting; what is queued is still delivered, and then null or the error.</summary>
    internal void StopAccepting(Exception? error)
    {
        using (_lock.Hold())
        {
            StopLocked();
        }

        CloseAcceptors();
        Queue.Complete(error);
    }

    /// <summary>
    /// The application has disposed of its listen socket. As on Sockets, that is the end of the endpoint, without a
    /// word.
    /// </summary>
    internal void OnListenSocketDisposed()
    {
        try
        {
            Unbind();
        }
        catch (Exception)
        {
            // The application's own kind of socket may throw when it is disposed of once more, and on a thread of the
            // runtime's timers that would end the process.
        }
    }

    /// <summary>
    /// Aborts what was not accepted, and waits for its end, but not for application code that holds its loop.
    /// </summary>
    private async Task EndQueuedAsync()
    {
        var endings = new List<Task>();
        while (Queue.TryDequeue(out FdmConnection? connection))
        {
            connection!.Abort(
                new ConnectionAbortedException("The listener was disposed before the connection was accepted."));
            endings.Add(connection.DisposeAsync().AsTask());
        }

        try
        {
            await Task.WhenAll(endings).WaitAsync(s_endTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // They end when their loop is free again, and return blocks to a pool that is disposed, which is harmless.
        }
    }

    /// <summary>
    /// A command whose wake-up fails is read with the loop's next one. The other loops must have theirs.
    /// </summary>
    private static void PostSafely(Acceptor source, LoopCommand command)
    {
        try
        {
            source.Post(command);
        }
        catch (Exception)
        {
            // Out of memory: it is in the command queue already.
        }
    }

    /// <summary>The queue has space. On the consumer's thread, which may be the server's.</summary>
    private void ResumeAccepting()
    {
        foreach (Acceptor source in _acceptors)
        {
            PostSafely(source, LoopCommand.Resume);
        }
    }

    /// <summary>Stops accepting and listening, once.</summary>
    private void Unbind()
    {
        using (_lock.Hold())
        {
            if (_unbound)
            {
                return;
            }

            _unbound = true;
            _socketTimer?.Dispose();
            Loops.LoopFailed -= OnLoopFailed;
            StopLocked();
        }

        try
        {
            // The descriptors have left every epoll, and no loop calls on them again. Disposing of the application's
            // own kind of socket runs user code, and so not under the lock.
            ListenSocketFactory.Dispose(_sockets);
        }
        finally
        {
            CloseAcceptors();
            Queue.Complete();
            _unbinding.TrySetResult();
        }
    }

    private void StopLocked()
    {
        _stopped = true;
        foreach (Acceptor source in _acceptors)
        {
            source.StopAccepting();
        }
    }

    /// <summary>Frees the slots. Outside the lock.</summary>
    private void CloseAcceptors()
    {
        foreach (Acceptor source in _acceptors)
        {
            PostSafely(source, LoopCommand.Close);
        }
    }

    /// <summary>
    /// Checks whether the application has disposed of a listen socket. Its loops notice that themselves, except in
    /// three cases: all of them pause, application code holds them, or .NET does not shut the socket down because
    /// another process may have it.
    /// </summary>
    private void CheckSockets()
    {
        bool gone = false;
        using (_lock.Hold())
        {
            if (!_unbound)
            {
                gone = Array.Exists(_sockets, static socket => socket.IsApplications && !socket.TryHold());
            }
        }

        if (gone)
        {
            OnListenSocketDisposed();
        }
    }

    private Acceptor CreateAcceptor(EventLoop loop)
        => new(this, _sockets[IsShared ? 0 : loop.Index].Descriptor) { Loop = loop };

    private void OnLoopFailed(EventLoop failedLoop, Exception cause, EventLoop? replacement)
    {
        if (replacement is null)
        {
            StopAccepting(cause);
            return;
        }

        Acceptor failed;
        Acceptor source;
        try
        {
            using (_lock.Hold())
            {
                failed = _acceptors[replacement.Index];
                if (_stopped || failed.Loop != failedLoop)
                {
                    return;
                }

                failed.StopAccepting();
                source = CreateAcceptor(replacement);
                Volatile.Write(ref _acceptors[replacement.Index], source);
            }
        }
        catch (Exception exception)
        {
            // Out of memory. An endpoint that says so is better than one that is deaf on a loop.
            StopAccepting(exception);
            return;
        }

        PostSafely(failed, LoopCommand.Close);
        PostSafely(source, LoopCommand.Register);
    }
}
