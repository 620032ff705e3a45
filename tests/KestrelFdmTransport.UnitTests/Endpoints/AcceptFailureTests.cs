using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>
/// Every step of accepting fails in turn. Nothing may be left of the client, and the endpoint goes on.
/// </summary>
[Collection(NonParallel.Name)]
[SuppressMessage("Design", "CA1001", Justification = "Each test ends with the asynchronous disposal.")]
public sealed class AcceptFailureTests : IAsyncLifetime
{
    private const int QueueLength = 2;
    private const int NoSpace = 28;

    /// <summary>More than the queue has places: lost ones would make the endpoint deaf.</summary>
    private const int Failures = QueueLength + 1;

    private readonly EventCounter _events = new();
    private readonly CheckingMemoryPoolFactory _pool = new();
    private readonly List<Task> _connections = [];
    private FdmTransportFactory? _factory;
    private IConnectionListener? _listener;

    private EndPoint EndPoint => _listener!.EndPoint;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _listener!.DisposeAsync();
        await Task.WhenAll(_connections).Within("the end of all connections");
        await _factory!.DisposeAsync();
        _pool.AssertAllReturned();
    }

    [Theory]
    [InlineData("IoMade", 1)]
    [InlineData("ConnectionMade", 1)]
    [InlineData("SlotTaken", 1)]
    [InlineData("SourceCounted", 1)]
    [InlineData("IdleTimerSet", 1)]
    [InlineData("ConnectionQueued", 1)]
    [InlineData("IoMade", 4)]
    [InlineData("ConnectionMade", 4)]
    [InlineData("SlotTaken", 4)]
    [InlineData("IdleTimerSet", 4)]
    [InlineData("ConnectionQueued", 4)]
    public async Task A_step_of_accepting_that_fails_costs_its_client_and_nothing_else(string step, int loops)
    {
        await StartAsync(options => (options.LoopCount, options.IdleTimeout) = (loops, TimeSpan.FromHours(1)));
        _ = ServeAsync();
        await AssertServedAsync();
        int descriptors = Descriptors();
        using (var fault = AtFaultPoint.OutOfMemory(Enum.Parse<FaultPoint>(step), Failures))
        {
            for (int i = 0; i < Failures; i++)
            {
                await AssertEndedAsync();
            }

            Assert.Equal(Failures, fault.Reached);
        }

        await AssertServedAsync(2 * QueueLength);
        Eventually.Until(() => Descriptors() <= descriptors, "the descriptors of the clients that were lost");
        Eventually.Until(
            () => _factory!.GetLoopStatistics().Sum(loop => loop.Connections) == 0,
            "no connection that counts and is none");
    }

    [Fact]
    public async Task A_client_whose_place_in_the_queue_has_gone_with_the_endpoint_is_reset()
    {
        await StartAsync();
        int descriptors = Descriptors();
        using var unbind = new AtFaultPoint(
            FaultPoint.ConnectionQueued, 1, () => _listener!.UnbindAsync().AsTask().GetAwaiter().GetResult());

        await AssertEndedAsync();

        Assert.Equal(1, unbind.Reached);
        Assert.Null(await _listener!.AcceptAsync().AsTask().Within("the end of accepting"));

        // The listen socket and its duplicate went as well.
        Eventually.Until(() => Descriptors() <= descriptors - 2, "the descriptors of the client and the endpoint");
        Assert.Equal(0, _factory!.GetLoopStatistics().Sum(loop => loop.Connections));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Accepting_goes_on_when_the_queue_was_full_and_the_listen_socket_could_not_be_watched_at_first(
        int loops)
    {
        const int Clients = 4 * QueueLength;
        await StartAsync(options => options.LoopCount = loops);
        Socket[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => ConnectAsync()));
        Eventually.Until(() => _factory!.GetLoopStatistics().Sum(loop => loop.Accepts) == QueueLength, "a full queue");
        using (var faults = new Faults(Syscall.EpollAdd, "EINVAL", first: 1, step: 1))
        {
            // Half of the queue is made free, which is when accepting is to go on.
            await AcceptOneAsync();
            await AcceptOneAsync();
            Eventually.Until(() => faults.Failed >= 2 * loops, "attempts to watch the listen socket again");
        }

        _ = ServeAsync();
        await Task.WhenAll(clients.Select(AssertServedAsync)).Within("all clients");
    }

    [Fact]
    public async Task Accepting_goes_on_when_the_queue_was_full_and_the_loop_has_failed_meanwhile()
    {
        await StartAsync(options => options.LoopCount = 1);
        Socket[] clients = await Task.WhenAll(Enumerable.Range(0, QueueLength).Select(_ => ConnectAsync()));
        Eventually.Until(() => _factory!.GetLoopStatistics().Sum(loop => loop.Accepts) == QueueLength, "a full queue");
        using (var faults = new Faults(Syscall.EpollWait, "EBADF", first: 1))
        {
            _ = clients[0].SendAsync("wake"u8.ToArray());
            Eventually.Until(() => faults.Failed == 1 && _events.Count("LoopFailed") == 1, "a loop that fails");
        }

        // Those that were in the queue have ended with their loop.
        _ = ServeAsync();
        await AssertServedAsync(2 * QueueLength);
        Array.ForEach(clients, static client => client.Dispose());
    }

    [Fact]
    public async Task A_connection_whose_own_address_cannot_be_asked_for_has_that_of_the_endpoint()
    {
        // A listen socket from elsewhere: the transport knows its own sockets on one address to have no other.
        await StartAsync(
            static options
                => options.CreateBoundListenSocket = static endPoint
                    => FdmTransportOptions.CreateDefaultBoundListenSocket(
                    endPoint));
        using var faults = new Faults(Syscall.LocalAddress, "ENOBUFS", first: 1);
        using Socket client = await ConnectAsync();
        ConnectionContext connection = (await _listener!.AcceptAsync().AsTask().Within("a connection"))!;
        Assert.Equal(1, faults.Failed);
        Assert.Equal(EndPoint, connection.LocalEndPoint);
        client.Dispose();
        await connection.DisposeAsync().AsTask().Within("its end");
    }

    [Fact]
    public async Task Nothing_that_fails_fills_the_log()
    {
        await StartAsync(options => options.LoopCount = 4);
        long started = Stopwatch.GetTimestamp();
        using (var faults = new Faults(Syscall.Accept, "EMFILE", first: 1, step: 1))
        {
            using Socket client = await ConnectAsync();
            Eventually.Until(() => faults.Failed >= 30, "calls that fail");
        }

        AssertAtMostOneASecond("AcceptPaused");
        _ = ServeAsync();
        await AssertServedAsync();

        using (var fault = AtFaultPoint.OutOfMemory(FaultPoint.IoMade, 20))
        {
            while (fault.Reached < 20)
            {
                await AssertEndedAsync();
            }
        }

        AssertAtMostOneASecond("AcceptFailed");

        void AssertAtMostOneASecond(string name)
            => Assert.InRange(_events.Count(name), 1, 1 + Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    [Theory]
    [InlineData("Accept", "EMFILE", "ulimit -n")]
    [InlineData("Accept", "ENFILE", "fs.file-max")]
    [InlineData("EpollAdd", "ENOSPC", "max_user_watches")]
    [InlineData("EpollAdd", "ENOMEM", "memory")]
    public async Task A_paused_endpoint_names_the_limit_and_continues_afterwards(
        string call, string error, string reason)
    {
        await StartAsync(options => options.LoopCount = 1);
        _ = ServeAsync();
        await AssertServedAsync();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (new Faults(Enum.Parse<Syscall>(call), error, first: 1, step: 1))
        {
            // It is reset, perhaps before the call returns, or waits.
            _ = client.ConnectAsync(EndPoint)
                .ContinueWith(static connecting => connecting.Exception, TaskScheduler.Default);
            Eventually.Until(() => _events.Count("AcceptPaused") > 0, "the log's event");
        }

        Assert.Contains(reason, _events.Message("AcceptPaused"), StringComparison.Ordinal);
        Assert.Equal(0, _events.Count("ConnectionReset"));
        await AssertServedAsync();
    }

    /// <summary>Otherwise each client would be accepted only to be closed, as fast as they come.</summary>
    [Fact]
    public async Task An_endpoint_that_cannot_watch_any_client_pauses_between_them()
    {
        await StartAsync(options => options.LoopCount = 1);
        await AssertWatchedAsync();
        int calls = 0;
        long started = Stopwatch.GetTimestamp();
        int? listener = null;
        SyscallFaultInjection.Handler = (call, descriptor) =>
        {
            if (call == Syscall.Accept)
            {
                listener = descriptor;
            }

            // The listen socket's own place is there again as soon as it has been given up.
            return call == Syscall.EpollAdd && descriptor != listener && Interlocked.Increment(ref calls) > 0
                ? NoSpace
                : 0;
        };
        try
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AssertEndedAsync())).Within("the end of the clients");
        }
        finally
        {
            SyscallFaultInjection.Handler = null;
        }

        // Those that have waited through a pause are turned away together.
        Assert.InRange(calls, 1, 2 + (Stopwatch.GetElapsedTime(started).TotalMilliseconds / 10));
        Assert.Contains("max_user_watches", _events.Message("AcceptPaused"), StringComparison.Ordinal);
    }

    /// <summary>
    /// Loops give each other clients, and the one that accepts does not see that the other has no room.
    /// </summary>
    [Fact]
    public async Task An_endpoint_pauses_when_another_loop_cannot_watch_its_connection()
    {
        await StartAsync(options => options.LoopCount = 1);
        _ = ServeAsync();
        await AssertServedAsync();
        var listener = (FdmConnectionListener)_listener!;
        EventLoop loop = listener.Loops.Loops[0];
        (int near, int far) = StreamPair.Create();
        using var peer = new SafeFileDescriptor(far);
        var io = new ConnectionIo(near, isUnix: true, listener.Buffers, listener.ConnectionSettings) { Loop = loop };
        var connection = new FdmConnection(io, listener.LocalName, default);
        loop.OnConnectionOpened();
        using (var faults = new Faults(Syscall.EpollAdd, "ENOSPC", first: 1))
        {
            io.Post(LoopCommand.Register);
            Eventually.Until(() => faults.Failed == 1, "a connection that cannot be watched");
        }

        await connection.DisposeAsync().AsTask().Within("its end");
        await AssertServedAsync();
        Assert.Contains("max_user_watches", _events.Message("AcceptPaused"), StringComparison.Ordinal);
    }

    private async Task AssertWatchedAsync()
    {
        using Socket client = await ConnectAsync();
        Assert.True(await AcceptOneAsync());
    }

    [Theory]
    [InlineData(nameof(FaultPoint.ListenerMade))]
    [InlineData(nameof(FaultPoint.EndpointBuffersMade))]
    [InlineData(nameof(FaultPoint.AcceptorMade))]
    [InlineData(nameof(FaultPoint.TimerMade))]
    public async Task A_bind_that_fails_leaves_nothing(string step)
    {
        Socket? made = null;
        await StartAsync(
            options
                => options.CreateBoundListenSocket = endPoint
                    => made = FdmTransportOptions.CreateDefaultBoundListenSocket(
                endPoint));
        int descriptors = Descriptors();
        var free = new IPEndPoint(IPAddress.Loopback, 0);
        using (AtFaultPoint.OutOfMemory(Enum.Parse<FaultPoint>(step), 1))
        {
            await Assert.ThrowsAsync<OutOfMemoryException>(async () => await _factory!.BindAsync(free));
        }

        Assert.True(made!.SafeHandle.IsClosed);
        await Task.Run(made.Dispose).Within("the disposal of the socket");
        Eventually.Until(() => Descriptors() <= descriptors, "the descriptors of the bind");
        _ = ServeAsync();
        await AssertServedAsync();
    }

    /// <summary>Sockets only: the runtime opens files of its own when it first needs them.</summary>
    private static int Descriptors()
        => Array.FindAll(
            Directory.GetFileSystemEntries("/proc/self/fd"),
            static path
                => new FileInfo(path).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true).Length;

    private async Task StartAsync(Action<FdmTransportOptions>? configure = null)
    {
        var options = new FdmTransportOptions { LoopCount = 2, AcceptQueueLength = QueueLength };
        configure?.Invoke(options);
        _factory = new FdmTransportFactory(Options.Create(options), _events, _pool);
        _listener = await _factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
    }

    private async Task ServeAsync()
    {
        while (await AcceptOneAsync())
        {
        }
    }

    private async Task<bool> AcceptOneAsync()
    {
        if (await _listener!.AcceptAsync() is not { } connection)
        {
            return false;
        }

        _connections.Add(EchoAsync(connection));
        return true;
    }

    private static async Task EchoAsync(ConnectionContext connection)
    {
        try
        {
            await Echo.RunAsync(connection.Transport);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // Its client was lost.
        }

        await connection.DisposeAsync();
    }

    private async Task<Socket> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = (int)Eventually.Limit.TotalMilliseconds
        };
        await client.ConnectAsync(EndPoint);
        return client;
    }

    /// <summary>A client that is not served, and is not left waiting.</summary>
    private async Task AssertEndedAsync()
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await client.ConnectAsync(EndPoint);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1].AsMemory()).AsTask().Within("the end of a client"));
        }
        catch (SocketException exception)
        {
            Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        }
    }

    private async Task AssertServedAsync(int clients = 1)
        => await Task.WhenAll(
            (await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => ConnectAsync()))).Select(AssertServedAsync))
            .Within("clients that are served");

    private static async Task AssertServedAsync(Socket client)
    {
        await client.SendAsync("ping"u8.ToArray());
        byte[] answer = new byte[4];
        for (int received = 0; received < answer.Length;)
        {
            int count = await client.ReceiveAsync(answer.AsMemory(received)).AsTask().Within("an answer");
            Assert.NotEqual(0, count);
            received += count;
        }

        Assert.Equal("ping"u8.ToArray(), answer);
        client.Dispose();
    }
}
