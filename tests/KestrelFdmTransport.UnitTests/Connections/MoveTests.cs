using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// Connections that change their loop all the time, under everything that may happen to them meanwhile.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class MoveTests
{
    private const int Connections = 8;
    private const int Messages = 500;
    private const int Moves = 3_000;

    private readonly CheckingMemoryPoolFactory _pool = new();
    private int _moved;

    [Theory]
    [InlineData(ApplicationScheduling.Inline, 2.0)]
    [InlineData(ApplicationScheduling.ThreadPool, 2.0)]
    [InlineData(ApplicationScheduling.Adaptive, 0.0)]
    public async Task Every_byte_arrives_in_order_while_the_connection_migrates(
        ApplicationScheduling scheduling,
        double stallThreshold)
    {
        await using FdmTransportFactory factory = NewFactory(scheduling, stallThreshold);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        var ios = new List<ConnectionIo>();
        var running = new List<Task>();
        for (int i = 0; i < Connections; i++)
        {
            int seed = i;
            Socket client = Connect(listener.EndPoint);
            ConnectionContext server = (await listener.AcceptAsync())!;
            ios.Add(((FdmConnection)server).Io);
            running.Add(Task.Run(() => EchoAsync(server)));
            running.Add(Task.Run(() => RunClientAsync(client, seed)));
        }

        using var done = new CancellationTokenSource();
        Task mover = Task.Factory.StartNew(
            () => MoveAll(ios, done.Token), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.WhenAll(running).Within("all messages to come back");
        await done.CancelAsync();
        await mover.Within("the last move");

        _pool.AssertAllReturned();
    }

    [Theory]
    [InlineData(ApplicationScheduling.Inline)]
    [InlineData(ApplicationScheduling.ThreadPool)]
    public async Task A_connection_may_end_in_any_way_while_it_moves(ApplicationScheduling scheduling)
    {
        FdmTransportFactory factory = NewFactory(scheduling, 2);
        IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        var random = new Random(1);
        for (int i = 0; i < 400; i++)
        {
            using Socket client = Connect(listener.EndPoint);
            ConnectionContext server = (await listener.AcceptAsync())!;
            Task echo = EchoAsync(server);
            ConnectionIo io = ((FdmConnection)server).Io;
            EventLoop home = io.Loop;
            int how = random.Next(4);
            using var meeting = new Barrier(2);
            Task ending = Task.Run(() =>
            {
                meeting.SignalAndWait(Eventually.Limit);
                End(client, server, how);
            });
            meeting.SignalAndWait(Eventually.Limit);
            LoopFixture.RunOn(home, () => TryMove(io, home));
            await ending.Within("the end");
            await echo.Within("the application to see the end");
        }

        await listener.DisposeAsync();
        await factory.DisposeAsync();
        _pool.AssertAllReturned();
    }

    private FdmTransportFactory NewFactory(ApplicationScheduling scheduling, double stallThreshold)
        => new(
            Options.Create(new FdmTransportOptions
            {
                LoopCount = 3,
                Scheduling = scheduling,
                StallThreshold = TimeSpan.FromMilliseconds(stallThreshold),
            }),
            NullLoggerFactory.Instance,
            _pool);

    private static Socket Connect(EndPoint endPoint)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(endPoint);
        return client;
    }

    private static async Task EchoAsync(ConnectionContext connection)
    {
        try
        {
            await Echo.RunAsync(connection.Transport);
        }
        catch (Exception exception)
            when (exception is ConnectionAbortedException or ConnectionResetException or InvalidOperationException)
        {
            // Ended by the test.
        }

        await connection.DisposeAsync();
    }

    private async Task RunClientAsync(Socket client, int seed)
    {
        using (client)
        {
            var random = new Random(seed);
            var pattern = new BytePattern(seed);
            byte[] message = new byte[9_000];
            byte[] answer = new byte[9_000];
            long position = 0;
            for (int i = 0; i < Messages || Volatile.Read(ref _moved) < Moves; i++)
            {
                int count = random.Next(8) == 0 ? random.Next(1, message.Length) : random.Next(1, 200);
                pattern.Fill(message.AsSpan(0, count), position);
                await client.SendAsync(message.AsMemory(0, count));
                for (int received = 0; received < count;)
                {
                    int some = await client.ReceiveAsync(answer.AsMemory(received, count - received));
                    Assert.NotEqual(0, some);
                    received += some;
                }

                Assert.True(pattern.Matches(answer.AsSpan(0, count), position), $"Wrong bytes after {position}.");
                position += count;
            }
        }
    }

    private static void End(Socket client, ConnectionContext server, int how)
    {
        switch (how)
        {
            case 0:
                server.Abort(new ConnectionAbortedException("The test says so."));
                break;
            case 1:
                client.Shutdown(SocketShutdown.Send);
                break;
            case 2:
                client.LingerState = new LingerOption(true, 0);
                client.Close();
                break;
            default:
                client.Send("some last words"u8);
                client.Shutdown(SocketShutdown.Send);
                break;
        }
    }

    private void MoveAll(List<ConnectionIo> ios, CancellationToken done)
    {
        var random = new Random(7);
        while (!done.IsCancellationRequested)
        {
            ConnectionIo io = ios[random.Next(ios.Count)];
            EventLoop home = io.Loop;
            LoopFixture.RunOn(home, () => TryMove(io, home));
        }
    }

    /// <summary>On the loop that had the connection a moment ago.</summary>
    private void TryMove(ConnectionIo io, EventLoop home)
    {
        EventLoop[] loops = home.Group.Loops;
        if (io.Loop == home && home.TryMigrateTo(io, loops[(home.Index + 1) % loops.Length]))
        {
            Interlocked.Increment(ref _moved);
        }
    }
}
