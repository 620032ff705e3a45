using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>What a loop that fails means for endpoints, connections and the host.</summary>
public sealed class ListenerLoopFailureTests
{
    private const int Loops = 2;
    private const int Clients = 64;

    private readonly CheckingMemoryPoolFactory _pool = new();

    [Theory]
    [InlineData(false, ApplicationScheduling.Adaptive)]
    [InlineData(false, ApplicationScheduling.Inline)]
    [InlineData(false, ApplicationScheduling.ThreadPool)]
    [InlineData(true, ApplicationScheduling.Adaptive)]
    public async Task Its_connections_end_those_of_others_go_on_and_all_loops_accept_again(
        bool reusePort,
        ApplicationScheduling scheduling)
    {
        FdmTransportFactory factory = NewFactory(reusePort, scheduling);
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        EventLoop[] loops = factory.AcquireLoops();
        var pairs = new List<(Socket Client, FdmConnection Server)>();
        await ConnectUntilServedByAllAsync(listener, loops, pairs);
        EventLoop failed = loops[0];

        LoopFixture.Fail(failed);

        Assert.True(failed.Join(Eventually.Limit));
        foreach ((Socket client, FdmConnection server) in pairs)
        {
            if (server.Io.Loop == failed)
            {
                await Assert.ThrowsAsync<ConnectionAbortedException>(
                    async () => await server.Transport.Input.ReadAsync());
                SocketException exception = await Assert.ThrowsAsync<SocketException>(
                    () => client.ReceiveAsync(new byte[1]).Within("the reset"));
                Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
            }
            else
            {
                await ExchangeAsync(client, server);
            }
        }

        await EndAsync(pairs);
        Assert.NotSame(failed, loops[0]);
        await ConnectUntilServedByAllAsync(listener, loops, pairs);
        foreach ((Socket client, FdmConnection server) in pairs)
        {
            await ExchangeAsync(client, server);
        }

        await EndAsync(pairs);
        await listener.DisposeAsync();
        factory.ReleaseLoops();
        await factory.DisposeAsync();
        _pool.AssertAllReturned();
    }

    [Fact]
    public async Task An_endpoint_that_was_unbound_before_stays_so()
    {
        await using FdmTransportFactory factory = NewFactory(reusePort: false, ApplicationScheduling.Adaptive);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        EventLoop[] loops = factory.AcquireLoops();
        await listener.UnbindAsync();
        EventLoop failed = loops[0];

        LoopFixture.Fail(failed);

        Assert.True(failed.Join(Eventually.Limit));
        Assert.Null(await listener.AcceptAsync());
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(listener.EndPoint));
        factory.ReleaseLoops();
    }

    [Fact]
    public async Task A_loop_that_fails_twice_makes_accepting_throw_and_stops_the_host()
    {
        using IHost host = HostedOptions.Build(
            webHost => webHost.UseFdmTransport(options => options.LoopCount = Loops));
        FdmTransportFactory factory = host.Services.GetRequiredService<FdmTransportFactory>();
        var stopping = new TaskCompletionSource();
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        await host.StartAsync().Within("the start of the host");
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        EventLoop[] loops = factory.AcquireLoops();

        for (int i = 0; i < 2; i++)
        {
            Assert.False(stopping.Task.IsCompleted);
            EventLoop loop = loops[0];
            LoopFixture.Fail(loop);
            Assert.True(loop.Join(Eventually.Limit));
        }

        await Assert.ThrowsAsync<NullReferenceException>(async () => await listener.AcceptAsync());
        await stopping.Task.Within("the host to be told");
        await host.WaitForShutdownAsync().Within("the end of the host");
        await listener.DisposeAsync();
        factory.ReleaseLoops();
    }

    [Fact]
    public async Task An_endpoint_is_not_bound_where_a_loop_has_been_given_up()
    {
        await using FdmTransportFactory factory = NewFactory(reusePort: false, ApplicationScheduling.Adaptive);
        EventLoop[] loops = factory.AcquireLoops();
        for (int i = 0; i < 2; i++)
        {
            EventLoop loop = loops[0];
            LoopFixture.Fail(loop);
            Assert.True(loop.Join(Eventually.Limit));
        }

        // Otherwise the clients that this loop should have accepted would wait for ever.
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)));

        Assert.IsType<NullReferenceException>(exception.InnerException);
        factory.ReleaseLoops();
        _pool.AssertAllReturned();
    }

    [Fact]
    public async Task An_endpoint_on_loops_that_have_ended_meanwhile_ends_too()
    {
        var factory = NewFactory(reusePort: false, ApplicationScheduling.Adaptive);
        var options = new FdmTransportOptions();
        var endPoint = new IPEndPoint(IPAddress.Loopback, 0);
        var group = new EventLoopGroup(new EventLoopSettings { LoopCount = Loops }, NullLogger.Instance);
        EventLoop[] running = group.AddUser();
        group.Dispose();
        Assert.All(running, static loop => Assert.True(loop.Join(Eventually.Limit)));

        await using var listener = new FdmConnectionListener(
            ListenSocketFactory.Listen(endPoint, options),
            group,
            running,
            factory.CreateClientBuffers(),
            options.AcceptQueueLength,
            factory.ClientSettings);

        Assert.Null(await listener.AcceptAsync().AsTask().Within("the end of accepting"));
        await factory.DisposeAsync();
    }

    [Fact]
    public async Task Outgoing_connections_are_opened_on_the_loop_that_came_in_its_place()
    {
        await using FdmTransportFactory factory = NewFactory(reusePort: false, ApplicationScheduling.Adaptive);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        await using var connections = new FdmConnectionFactory(factory);
        await (await connections.ConnectAsync(listener.EndPoint)).DisposeAsync();
        EventLoop[] loops = factory.AcquireLoops();
        EventLoop[] first = [.. loops];
        foreach (EventLoop loop in first)
        {
            LoopFixture.Fail(loop);
            Assert.True(loop.Join(Eventually.Limit));
        }

        var client = (FdmConnection)await connections.ConnectAsync(listener.EndPoint);

        Assert.Contains(client.Io.Loop, loops);
        Assert.DoesNotContain(client.Io.Loop, first);
        await client.DisposeAsync();
        factory.ReleaseLoops();
    }

    /// <summary>Adds connections until each loop has one at least.</summary>
    private static async Task ConnectUntilServedByAllAsync(
        IConnectionListener listener, EventLoop[] loops, List<(Socket Client, FdmConnection Server)> pairs)
    {
        while (loops.Any(loop => pairs.TrueForAll(pair => pair.Server.Io.Loop != loop)))
        {
            Assert.True(pairs.Count < Clients, "Not every loop accepts.");
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await client.ConnectAsync(listener.EndPoint);
            var server = (FdmConnection)(await listener.AcceptAsync().AsTask().Within("the connection"))!;
            await ExchangeAsync(client, server);
            pairs.Add((client, server));
        }
    }

    /// <summary>Some bytes there and back.</summary>
    private static async Task ExchangeAsync(Socket client, FdmConnection server)
    {
        byte[] message = [1, 2, 3, 4];
        await client.SendAsync(message);
        ReadResult result = await server.Transport.Input.ReadAtLeastAsync(message.Length).AsTask()
            .Within("the message");
        await server.Transport.Output.WriteAsync(result.Buffer.ToArray());
        server.Transport.Input.AdvanceTo(result.Buffer.End);
        byte[] answer = new byte[message.Length];
        Assert.Equal(answer.Length, await client.ReceiveAsync(answer).Within("the answer"));
        Assert.Equal(message, answer);
    }

    private static async Task EndAsync(List<(Socket Client, FdmConnection Server)> pairs)
    {
        foreach ((Socket client, FdmConnection server) in pairs)
        {
            client.Dispose();
            await server.DisposeAsync().AsTask().Within("the end of the connection");
        }

        pairs.Clear();
    }

    private FdmTransportFactory NewFactory(bool reusePort, ApplicationScheduling scheduling)
        => new(
            Options.Create(
                new FdmTransportOptions { LoopCount = Loops, ReusePort = reusePort, Scheduling = scheduling }),
            NullLoggerFactory.Instance,
            _pool);
}
