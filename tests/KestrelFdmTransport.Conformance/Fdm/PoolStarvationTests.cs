using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// Every thread of the pool blocks, and so does every one that it adds. Nothing in here may need the pool meanwhile:
/// the clients are synchronous and on a thread of their own.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class PoolStarvationTests
{
    private const int Blocked = 500;
    private const int Present = 8;
    private const int Coming = 50;
    private const int Length = 1_000;

    private readonly byte[] _sent = BytePattern.Default.Create(Length);

    [Theory]
    [InlineData(TransportKind.Fdm, false)]
    [InlineData(TransportKind.FdmThreadPoolTwoLoops, false)]
    [InlineData(TransportKind.FdmInlineTwoLoops, true)]
    public async Task Without_a_thread_of_the_pool_loops_accept_and_receive_and_all_is_answered_afterwards(
        TransportKind transport,
        bool answersMeanwhile)
    {
        await using var harness = new FdmHarness(transport);
        await using IConnectionListener listener = await harness.BindAsync();
        List<Socket> clients = [];
        List<ConnectionContext> servers = [];
        List<Task> echoes = [];
        for (int i = 0; i < Present; i++)
        {
            clients.Add(Connect(listener.EndPoint));
            servers.Add((await listener.AcceptAsync().Within())!);
            echoes.Add(Handlers.EchoRaw(servers[i]));
        }

        using var released = new ManualResetEventSlim();
        int started = 0;
        for (int i = 0; i < Blocked; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    Interlocked.Increment(ref started);
                    released.Wait();
                },
                null);
        }

        await Task.Factory.StartNew(
            () =>
            {
                try
                {
                    Until(() => Volatile.Read(ref started) >= Environment.ProcessorCount);
                    clients.ForEach(client => client.Send(_sent));
                    Until(() => servers.TrueForAll(server => BytesReceived(server) == Length));
                    for (int i = 0; i < Coming; i++)
                    {
                        clients.Add(Connect(listener.EndPoint));
                        clients[^1].Send(_sent);
                    }

                    Until(() => harness.Factory.GetLoopStatistics().Sum(loop => loop.Accepts) == Present + Coming);
                    if (answersMeanwhile)
                    {
                        clients.GetRange(0, Present).ForEach(AssertEcho);
                    }

                    // What is queued behind them cannot have run.
                    Assert.InRange(Volatile.Read(ref started), 1, Blocked - 1);
                }
                finally
                {
                    released.Set();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        // They may come in another order than they were made in.
        for (int i = 0; i < Coming; i++)
        {
            ConnectionContext server = (await listener.AcceptAsync().Within())!;
            servers.Add(server);
            echoes.Add(Handlers.EchoRaw(server));
        }

        IEnumerable<Socket> unanswered = answersMeanwhile ? clients.Skip(Present) : clients;
        await Task.Factory.StartNew(
            () =>
            {
                foreach (Socket client in unanswered)
                {
                    AssertEcho(client);
                }
            },
            TaskCreationOptions.LongRunning).Within("the echoes");
        clients.ForEach(client => client.Shutdown(SocketShutdown.Send));
        await Task.WhenAll(echoes).Within("the end of the echoes");
        foreach (ConnectionContext server in servers)
        {
            await server.DisposeAsync().Within();
        }

        clients.ForEach(client => client.Dispose());
        await Eventually.UntilAsync(() => Volatile.Read(ref started) == Blocked);
    }

    private static long BytesReceived(ConnectionContext connection)
        => connection.Features.GetRequiredFeature<IFdmConnectionFeature>().BytesReceived;

    private static Socket Connect(EndPoint endPoint)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = (int)Eventually.Limit.TotalMilliseconds
        };
        client.Connect(endPoint);
        return client;
    }

    private static void Until(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Eventually.Limit, "Timed out waiting.");
            Thread.Sleep(10);
        }
    }

    private void AssertEcho(Socket client)
    {
        byte[] echo = new byte[Length];
        for (int read = 0; read < echo.Length;)
        {
            int count = client.Receive(echo.AsSpan(read));
            Assert.NotEqual(0, count);
            read += count;
        }

        Assert.Equal(_sent, echo);
    }
}
