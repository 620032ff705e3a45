using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Transport;

/// <summary>An endpoint: a listen socket that all loops share, or one for each, and the queue of what they have accepted.</summary>
internal sealed class FdmConnectionListener : IConnectionListener
{
    private static readonly TimeSpan s_endTimeout = TimeSpan.FromSeconds(1);

    private readonly Socket[] _sockets;
    private readonly SafeSocketHandle[] _handles;
    private readonly int _handlesHeld;
    private readonly ListenSource[] _sources;
    private readonly BlockCache[] _blocks;
    private readonly Lock _lock = new();
    private bool _stopped;
    private bool _unbound;
    private int _disposed;

    internal FdmConnectionListener(
        Socket[] sockets,
        EventLoopGroup loops,
        EventLoop[] running,
        Func<EventLoop, BlockCache> createBlocks,
        int acceptQueueLength,
        ConnectionSettings settings)
    {
        FaultPoints.Reach(FaultPoint.ListenerMade);
        _sockets = sockets;
        _handles = Array.ConvertAll(sockets, static socket => socket.SafeHandle);
        Loops = loops;
        ConnectionSettings = settings;
        EndPoint = sockets[0].LocalEndPoint!;
        LocalName = new(SocketName.OfLocal(DescriptorOf(0)));
        IsWildcard = EndPoint is IPEndPoint ip && (ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any));
        Queue = new AcceptQueue(acceptQueueLength, ResumeAccepting);
        _blocks = BlockCaches.Create(running, createBlocks);
        _sources = new ListenSource[running.Length];

        // Last of what may fail: a socket whose handle is held waits for its release when it is disposed.
        foreach (SafeSocketHandle handle in _handles)
        {
            bool held = false;
            handle.DangerousAddRef(ref held);
            _handlesHeld++;
        }

        lock (_lock)
        {
            // A loop that fails meanwhile is replaced afterwards.
            loops.LoopFailed += OnLoopFailed;
            foreach (EventLoop loop in running)
            {
                Watch(loop);
            }
        }
    }

    public EndPoint EndPoint { get; }

    internal EventLoopGroup Loops { get; }

    internal ConnectionSettings ConnectionSettings { get; }

    internal ILogger Logger => ConnectionSettings.Logger;

    internal AcceptQueue Queue { get; }

    internal DescriptorHeadroom Headroom { get; } = new();

    /// <summary>True if all loops accept from one socket; else each has its own, and the kernel deals connections out.</summary>
    internal bool IsShared => _sockets.Length == 1;

    internal StrongBox<SocketName> LocalName { get; }

    /// <summary>True if each connection's local address has to be asked for.</summary>
    internal bool IsWildcard { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await Queue.DequeueAsync(cancellationToken).ConfigureAwait(false);

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        // A second caller must not go on before the first is done. Nothing here waits for application code.
        lock (_lock)
        {
            if (!_unbound)
            {
                _unbound = true;
                Unbind();
            }
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        var endings = new List<Task>();
        while (Queue.TryDequeue(out FdmConnection? connection))
        {
            connection!.Abort(new ConnectionAbortedException("The listener was disposed before the connection was accepted."));
            endings.Add(connection.DisposeAsync().AsTask());
        }

        await EndAsync(Task.WhenAll(endings)).ConfigureAwait(false);

        BlockCaches.DisposePools(_blocks);

        Loops.Release();
    }

    /// <summary>Stops every loop's accepting; what is queued is still delivered, and then null or the error.</summary>
    internal void StopAccepting(Exception? error)
    {
        lock (_lock)
        {
            _stopped = true;
            foreach (ListenSource source in _sources)
            {
                source.StopAccepting();
            }
        }

        Queue.Complete(error);
    }

    /// <summary>Waits for the end of connections, but not for application code that holds its loop.</summary>
    private static async Task EndAsync(Task endings)
    {
        try
        {
            await endings.WaitAsync(s_endTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // They end when their loop is free again, and return blocks to a pool that is disposed, which is harmless.
        }
    }

    /// <summary>The memory of this endpoint's connections on the loop.</summary>
    internal BlockCache BlocksOf(EventLoop loop) => BlockCaches.Of(_blocks, loop);

    /// <summary>A listen descriptor. Held open until every source has stopped.</summary>
    private int DescriptorOf(int socket) => (int)_handles[socket].DangerousGetHandle();

    private void ResumeAccepting()
    {
        foreach (ListenSource source in _sources)
        {
            source.Post(Mail.Resume);
        }
    }

    private void Unbind()
    {
        Loops.LoopFailed -= OnLoopFailed;
        StopAccepting(error: null);

        // The descriptors have left every epoll and no loop calls on them again: now they may be closed.
        for (int i = 0; i < _handlesHeld; i++)
        {
            _handles[i].DangerousRelease();
        }

        ListenSockets.Dispose(_sockets);
    }

    /// <summary>Has the loop accept. Inside the lock.</summary>
    private void Watch(EventLoop loop)
    {
        FaultPoints.Reach(FaultPoint.ListenSourceMade);
        int index = loop.Index;
        var source = new ListenSource(this, DescriptorOf(IsShared ? 0 : index)) { Loop = loop };
        Volatile.Write(ref _sources[index], source);
        source.Post(Mail.Register);
    }

    private void OnLoopFailed(object? sender, LoopFailedEventArgs failure)
    {
        if (failure.Replacement is not { } replacement)
        {
            StopAccepting(failure.Exception);
            return;
        }

        lock (_lock)
        {
            ListenSource failed = _sources[replacement.Index];
            if (!_stopped && failed.Loop == failure.Loop)
            {
                failed.StopAccepting();
                Watch(replacement);
            }
        }
    }
}
