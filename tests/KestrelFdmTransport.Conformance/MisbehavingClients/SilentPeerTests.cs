using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>Clients that connect and disconnect without a byte, some before the server has accepted them.</summary>
public sealed class SilentPeerTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task Ten_thousand_silent_connections_leave_nothing_behind(TransportKind transport)
    {
        const int Batches = 40;
        const int Batch = 250;
        int served = 0;
        int present = 0;
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync("alive"), new TestServerSetup
            {
                Listen = options => options.Use(next => async connection =>
                {
                    Interlocked.Increment(ref served);
                    Interlocked.Increment(ref present);
                    try
                    {
                        await next(connection);
                    }
                    finally
                    {
                        Interlocked.Decrement(ref present);
                    }
                }),
            });

        for (int batch = 0; batch < Batches; batch++)
        {
            await Parallel.ForAsync(
                0,
                Batch,
                new ParallelOptions { MaxDegreeOfParallelism = 16 },
                async (i, cancellation) =>
                {
                    using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    await client.ConnectAsync(server.EndPoint, cancellation);
                    client.LingerState = new LingerOption(enable: i % 2 == 0, seconds: 0);
                });

            // Its turn comes after all of them, so that the backlog never overflows: the kernel would have clients try
            // again much later.
            using RawClient survivor = await server.ConnectAsync();
            Assert.Equal("alive", (await survivor.GetAsync("/")).Text);
        }

        // One that has been reset before it is accepted may never get here.
        await Eventually.UntilAsync(
            () => Volatile.Read(ref served) > Batches * Batch / 2 && Volatile.Read(ref present) == 0,
            () => $"{served}, {present}");
        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_reset_in_the_backlog_do_no_harm(TransportKind transport)
    {
        const int Clients = 200;
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(TestServerSetup.FreeLoopbackPort);
        listening.Listen(2 * Clients);
        for (int i = 0; i < Clients; i++)
        {
            RawClient client = await RawClient.ConnectAsync(listening.LocalEndPoint!);
            await client.SendAsync(RawClient.Get("/")[..(i % 25)]);
            client.Reset();
        }

        using RawClient last = await RawClient.ConnectAsync(listening.LocalEndPoint!);
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync("alive"), new TestServerSetup
            {
                EndPoints = [new FileHandleEndPoint((ulong)listening.Handle, FileHandleType.Auto)],
            });
        Assert.Equal("alive", (await last.GetAsync("/")).Text);
        using RawClient next = await RawClient.ConnectAsync(listening.LocalEndPoint!);
        Assert.Equal("alive", (await next.GetAsync("/")).Text);
        await Eventually.UntilAsync(
            () => server.Loops.Sum(loop => loop.Connections) == (transport == TransportKind.Sockets ? 0 : 2));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_a_full_queue_has_turned_away_are_served_when_there_is_room(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport, options => options.Backlog = 8);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(Family.Unix));
        int waiting = 0;
        try
        {
            // A Unix socket says at once that the queue is full; this transport takes up to 128 out of it by itself.
            while (waiting < 1_000)
            {
                RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
                waiting++;
                await client.SendAsync("x");
                client.Dispose();
            }

            Assert.Fail("The queue has no end.");
        }
        catch (SocketException)
        {
            Assert.InRange(waiting, 8, 1_000);
        }

        for (int i = 0; i < waiting; i++)
        {
            await using ConnectionContext connection = await TransportHost.AcceptAsync(listener);
            Assert.Equal("x", await connection.ReadTextAsync(1));
        }

        (RawClient next, ConnectionContext served) = await TransportHost.ConnectAsync(listener);
        await served.WriteTextAsync("y");
        Assert.Equal("y", await next.ReadTextAsync(1));
        await served.DisposeAsync().Within();
        next.Dispose();
    }
}
