using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Transport;

/// <summary>An endpoint: a listen socket that all loops share, and the queue of what they have accepted.</summary>
internal sealed class FdmConnectionListener : IConnectionListener
{
    private static readonly TimeSpan s_endTimeout = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly SafeSocketHandle _handle;
    private readonly bool _handleHeld;
    private readonly ListenSource[] _sources;
    private readonly BlockCache[] _blocks;
    private int _unbound;
    private int _disposed;

    internal FdmConnectionListener(
        Socket socket,
        EventLoopGroup loops,
        EventLoop[] running,
        Func<EventLoop, BlockCache> createBlocks,
        int acceptQueueLength,
        ConnectionSettings settings)
    {
        _socket = socket;
        _handle = socket.SafeHandle;
        _handle.DangerousAddRef(ref _handleHeld);
        Loops = loops;
        ConnectionSettings = settings;
        EndPoint = socket.LocalEndPoint!;
        LocalName = NameOf(Descriptor);
        IsWildcard = EndPoint is IPEndPoint ip && (ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any));
        Queue = new AcceptQueue(acceptQueueLength, ResumeAccepting);
        _blocks = Array.ConvertAll(running, loop => createBlocks(loop));
        _sources = new ListenSource[running.Length];
        for (int i = 0; i < running.Length; i++)
        {
            _sources[i] = new ListenSource(this) { Loop = running[i] };
        }

        loops.LoopFailed += OnLoopFailed;
        foreach (ListenSource source in _sources)
        {
            source.Post(Mail.Register);
        }
    }

    public EndPoint EndPoint { get; }

    internal EventLoopGroup Loops { get; }

    internal ConnectionSettings ConnectionSettings { get; }

    internal ILogger Logger => ConnectionSettings.Logger;

    internal AcceptQueue Queue { get; }

    internal DescriptorHeadroom Headroom { get; } = new();

    /// <summary>The listen descriptor. Held open until every source has stopped.</summary>
    internal int Descriptor => (int)_handle.DangerousGetHandle();

    internal SocketName LocalName { get; }

    /// <summary>True if each connection's local address has to be asked for.</summary>
    internal bool IsWildcard { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        => await Queue.DequeueAsync(cancellationToken).ConfigureAwait(false);

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _unbound, 1) != 0)
        {
            return default;
        }

        Loops.LoopFailed -= OnLoopFailed;
        foreach (ListenSource source in _sources)
        {
            source.StopAccepting();
        }

        Queue.Complete();

        // The descriptor has left every epoll and no loop calls on it again: now it may be closed.
        if (_handleHeld)
        {
            _handle.DangerousRelease();
        }

        _socket.Dispose();
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        while (Queue.TryDequeue(out FdmConnection? connection))
        {
            connection!.Abort(new ConnectionAbortedException("The listener was disposed before the connection was accepted."));
            await EndAsync(connection).ConfigureAwait(false);
        }

        foreach (BlockCache blocks in _blocks)
        {
            blocks.Pool.Dispose();
        }

        Loops.Release();
    }

    /// <summary>Waits for the end of a connection, but not for application code that holds its loop.</summary>
    private static async Task EndAsync(FdmConnection connection)
    {
        try
        {
            await connection.DisposeAsync().AsTask().WaitAsync(s_endTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It ends when its loop is free again, and returns its blocks to a pool that is disposed, which is harmless.
        }
    }

    /// <summary>The memory of this endpoint's connections on the loop.</summary>
    internal BlockCache BlocksOf(EventLoop loop) => _blocks[loop.Index];

    private static unsafe SocketName NameOf(int descriptor)
    {
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        return Sys.LocalAddress(descriptor, address, &length) == 0
            ? SocketName.Parse(new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)))
            : default;
    }

    private void ResumeAccepting()
    {
        foreach (ListenSource source in _sources)
        {
            source.Post(Mail.Resume);
        }
    }

    private void OnLoopFailed(object? sender, LoopFailedEventArgs failure) => Queue.Complete(failure.Exception);
}
