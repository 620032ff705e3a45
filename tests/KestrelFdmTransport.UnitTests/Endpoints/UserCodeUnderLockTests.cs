using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>
/// User code runs under no lock of an endpoint, and not on an event loop: other threads get through meanwhile.
/// </summary>
public sealed class UserCodeUnderLockTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly IPEndPoint s_loopback = new(IPAddress.Loopback, 0);

    [Fact]
    public async Task A_socket_of_the_application_is_disposed_outside_the_listeners_lock()
    {
        IConnectionListener? listener = null;
        Task? second = null;
        bool gotThrough = false;
        var options = new FdmTransportOptions
        {
            LoopCount = 1,
            CreateBoundListenSocket = endPoint =>
            {
                var socket = new WatchedSocket(() => gotThrough = GetsThrough(
                    () => second = listener!.UnbindAsync().AsTask()) && !second!.IsCompleted);
                socket.Bind(endPoint);
                return socket;
            },
        };
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        listener = await factory.BindAsync(s_loopback);

        await listener.UnbindAsync();

        Assert.True(gotThrough);
        await second!.WaitAsync(s_patience);
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task A_memory_pool_is_made_outside_the_connection_factorys_lock()
    {
        FdmConnectionFactory? connections = null;
        bool gotThrough = false;
        var pools = new WatchedPools(() => gotThrough = GetsThrough(() => connections!.Dispose()));
        await using var transport = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance, pools);
        connections = new FdmConnectionFactory(transport);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => connections.ConnectAsync(s_loopback).AsTask());

        Assert.True(gotThrough);
        Assert.Equal(0, pools.InUse);
    }

    [Fact]
    public async Task A_logger_is_made_outside_the_connection_factorys_lock()
    {
        FdmConnectionFactory? connections = null;
        bool gotThrough = false;
        using var loggers = new WatchedLoggers(() => gotThrough = GetsThrough(() => connections!.Dispose()));
        await using var transport = new FdmTransportFactory(Options.Create(new FdmTransportOptions()), loggers)
        {
            Probe = static () => "this is a test."
        };
        connections = new FdmConnectionFactory(transport);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => connections.ConnectAsync(s_loopback).AsTask());

        Assert.True(gotThrough);
    }

    [Fact]
    public async Task The_text_of_an_endpoint_is_not_asked_for_on_a_loop()
    {
        using var refusing = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        refusing.Bind(s_loopback);
        var target = new WatchedEndPoint((IPEndPoint)refusing.LocalEndPoint!);
        await using var connections = new FdmConnectionFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);

        SocketException refused = await Assert.ThrowsAsync<SocketException>(
            () => connections.ConnectAsync(target).AsTask());

        Assert.EndsWith(" the endpoint of this test", refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty(target.Threads);
        Assert.DoesNotContain(target.Threads, static name => name.StartsWith("fdm-", StringComparison.Ordinal));
    }

    /// <summary>True if another thread can do this while the calling one waits for it.</summary>
    private static bool GetsThrough(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        return thread.Join(s_patience);
    }

    private sealed class WatchedSocket(Action onDispose)
        : Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        private int _disposed;

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                onDispose();
            }

            base.Dispose(disposing);
        }
    }

    private sealed class WatchedEndPoint(IPEndPoint target) : IPEndPoint(target.Address, target.Port)
    {
        public ConcurrentBag<string> Threads { get; } = [];

        public override string ToString()
        {
            Threads.Add(Thread.CurrentThread.Name ?? string.Empty);
            return "the endpoint of this test";
        }
    }

    /// <summary>Calls when the first pool is made.</summary>
    private sealed class WatchedPools(Action onFirst) : IMemoryPoolFactory<byte>
    {
        private int _made;
        private int _inUse;

        public int InUse => Volatile.Read(ref _inUse);

        public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
        {
            Interlocked.Increment(ref _inUse);
            if (Interlocked.Increment(ref _made) == 1)
            {
                onFirst();
            }

            return new Pool(this);
        }

        private sealed class Pool(WatchedPools owner) : MemoryPool<byte>
        {
            public override int MaxBufferSize => Shared.MaxBufferSize;

            public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => Shared.Rent(minBufferSize);

            protected override void Dispose(bool disposing) => Interlocked.Decrement(ref owner._inUse);
        }
    }

    /// <summary>Calls when the logger of outgoing connections is made.</summary>
    private sealed class WatchedLoggers(Action onClient) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName)
        {
            if (categoryName.EndsWith(".Client", StringComparison.Ordinal))
            {
                onClient();
            }

            return NullLogger.Instance;
        }

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }
}
