using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Diagnostics;

/// <summary>What the transport says of its connections, and of what they move and cost.</summary>
public sealed class ConnectionStatisticsTests
{
    private const int Many = 50;

    [Fact]
    public async Task The_connection_whose_events_come_most_often_is_the_first()
    {
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Adaptive);
        using Socket seldom = await ConnectAsync(server.EndPoint);
        using Socket often = await ConnectAsync(server.EndPoint);
        await EchoAsync(seldom, times: 1);
        await EchoAsync(often, Many);

        IReadOnlyList<ConnectionStatistics> busiest = server.Transport.GetBusiestConnections(10);

        Assert.Equal([often.LocalEndPoint, seldom.LocalEndPoint], busiest.Select(one => one.RemoteEndPoint));
        Assert.All(busiest, one => Assert.Equal(server.EndPoint, one.LocalEndPoint));
        Assert.All(busiest, one => Assert.InRange(one.LoopIndex, 0, 1));
        Assert.All(busiest, one => Assert.InRange(one.LiveCounter, 0, 8));
        Assert.Equal([Many, 1], busiest.Select(one => one.BytesReceived));
        Assert.Equal([Many, 1], busiest.Select(one => one.BytesSent));
        Assert.True(busiest[0].IdleTime <= busiest[1].IdleTime);
        Assert.Distinct(busiest.Select(one => one.ConnectionId), StringComparer.Ordinal);
    }

    [Fact]
    public async Task There_are_no_more_than_were_asked_for()
    {
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.ThreadPool);
        using Socket one = await ConnectAsync(server.EndPoint);
        using Socket another = await ConnectAsync(server.EndPoint);
        await EchoAsync(one, times: 1);
        await EchoAsync(another, times: 1);

        Assert.Single(server.Transport.GetBusiestConnections(1));
        Assert.Empty(server.Transport.GetBusiestConnections(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Transport.GetBusiestConnections(-1));
    }

    [Fact]
    public async Task A_connection_that_has_ended_is_not_among_them()
    {
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Adaptive);
        using Socket stays = await ConnectAsync(server.EndPoint);
        await EchoAsync(stays, times: 1);
        using (Socket ends = await ConnectAsync(server.EndPoint))
        {
            await EchoAsync(ends, times: 1);
            Assert.Equal(2, server.Transport.GetBusiestConnections(10).Count);
        }

        Eventually.Until(() => server.Transport.GetBusiestConnections(10).Count == 1, "the end of the connection");
        Assert.Equal(stays.LocalEndPoint, server.Transport.GetBusiestConnections(10).Single().RemoteEndPoint);
    }

    [Fact]
    public async Task They_may_be_read_while_connections_come_and_go()
    {
        const int Clients = 400;

        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Adaptive);
        using var end = new CancellationTokenSource();
        Task<int> reading = Task.Run(() =>
        {
            int most = 0;
            while (!end.IsCancellationRequested)
            {
                most = Math.Max(most, server.Transport.GetBusiestConnections(8).Count);
            }

            return most;
        });
        for (int i = 0; i < Clients; i++)
        {
            using Socket client = await ConnectAsync(server.EndPoint);
            await EchoAsync(client, times: 2);
        }

        await end.CancelAsync();
        Assert.InRange(await reading.Within("the reader"), 1, 8);
    }

    [Fact]
    public async Task The_loops_count_what_moves_and_where_callbacks_run()
    {
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Inline);
        using Socket client = await ConnectAsync(server.EndPoint);
        await EchoAsync(client, Many);

        Eventually.Until(() => Sum(server.Transport, static loop => loop.Traffic.BytesSent) == Many, "the last byte");
        Assert.Equal(Many, Sum(server.Transport, static loop => loop.Traffic.BytesReceived));

        // The first byte may have been there before it was asked for.
        Assert.InRange(Sum(server.Transport, static loop => loop.Callbacks.Inline), Many - 1, 2 * Many);
        Assert.Equal(0, Sum(server.Transport, static loop => loop.Callbacks.BlockingPool));
    }

    [Fact]
    public async Task Outgoing_connections_are_counted_and_those_that_fail()
    {
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Adaptive);
        await using var factory = new FdmConnectionFactory(server.Transport);
        await using (ConnectionContext opened = await factory.ConnectAsync(server.EndPoint).AsTask().Within("it"))
        {
            Eventually.Until(() => server.Transport.GetBusiestConnections(10).Count == 2, "both ends");
        }

        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await Assert.ThrowsAsync<SocketException>(
            () => factory.ConnectAsync(closed.LocalEndPoint!).AsTask().Within("the refusal"));

        Assert.Equal(1, Sum(server.Transport, static loop => loop.Traffic.Connects));
        Assert.Equal(1, Sum(server.Transport, static loop => loop.Traffic.ConnectFailures));
    }

    [Fact]
    public async Task The_time_of_a_callback_that_has_lost_its_loop_counts_once_it_has_ended()
    {
        await using var transport = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance);
        await using IConnectionListener listener = await transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        using Socket client = await ConnectAsync(listener.EndPoint);
        await using ConnectionContext? connection = await listener.AcceptAsync().Within("a connection");
        using var end = new ManualResetEventSlim();
        Task handling = HandleAsync();
        await client.SendAsync(new byte[1]);
        Eventually.Until(() => transport.GetThreadStatistics().Handoffs > 0, "a hand-off");
        Assert.Equal(TimeSpan.Zero, transport.GetThreadStatistics().StallTime);

        end.Set();
        Eventually.Until(() => transport.GetThreadStatistics().StallTime > TimeSpan.Zero, "its time");
        await handling.Within("the end of the handler");

        async Task HandleAsync()
        {
            await connection!.Transport.Input.ReadAsync();
            end.Within("the hand-off");
        }
    }

    private static long Sum(FdmTransportFactory transport, Func<EventLoopStatistics, long> read)
        => transport.GetLoopStatistics().Sum(read);

    private static async Task<Socket> ConnectAsync(EndPoint endPoint)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(endPoint);
        return client;
    }

    private static async Task EchoAsync(Socket client, int times)
    {
        for (int i = 0; i < times; i++)
        {
            await client.SendAsync(new byte[1]);
            Assert.Equal(1, await client.ReceiveAsync(new byte[1]).Within("the answer"));
        }
    }
}
