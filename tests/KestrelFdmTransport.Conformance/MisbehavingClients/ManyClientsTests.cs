using System;
using System.IO.Pipelines;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>Many clients at once that are slow, or stop, all in the same way.</summary>
[Trait("Category", "Slow")]
public sealed class ManyClientsTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_send_byte_by_byte_are_all_answered(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, Handlers.EchoBody);
        RawClient[] clients = await ConnectAsync(server, 1_000);
        byte[] request = Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody");
        for (int i = 0; i < request.Length; i++)
        {
            foreach (RawClient client in clients)
            {
                await client.SendAsync(request.AsMemory(i, 1));
            }
        }

        foreach (RawClient client in clients)
        {
            Assert.Equal("body", (await client.ReadReplyAsync()).Text);
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_end_their_side_at_once_get_their_whole_answer(TransportKind transport)
    {
        const int Length = 40_000;
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            ReadResult result;
            do
            {
                result = await connection.Transport.Input.ReadAsync();
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);
            await connection.Transport.Output.WriteAsync(BytePattern.Default.Create(Length));
        });
        RawClient[] clients = await ConnectAsync(server, 500);
        foreach (RawClient client in clients)
        {
            await client.SendAsync("question");
            client.HalfClose();
        }

        byte[] expected = BytePattern.Default.Create(Length);
        foreach (RawClient client in clients)
        {
            Assert.Equal(expected, await client.ReadToEndAsync());
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_stop_reading_for_ever_hold_no_more_than_their_share_of_memory(
        TransportKind transport)
    {
        const int Clients = 50;
        const int ChunkLength = 16 * 1024;
        const int Limit = 64 * 1024;

        // A block more at either end, one for the request, and one that is about to be received into.
        const int Blocks = ((Limit + ChunkLength) / CheckingMemoryPoolFactory.BlockSize) + 4;

        // A loop's thread has up to 16 at hand while it is busy, and so has the one that takes over from it.
        int ofLoops = 2 * 16 * Environment.ProcessorCount;
        int held = 0;
        TestServer server = await StartAsync(
            transport,
            context => context.Request.Path == "/endless"
                ? WriteForEverAsync(context, () => Interlocked.Increment(ref held))
                : context.Response.WriteAsync("alive"),
            new TestServerSetup
            {
                Transport = new TransportSettings { MaxWriteBufferSize = new BufferLimit(Limit) },
                AbortsWhenStopping = true,
                ShutdownTimeout = TimeSpan.FromMilliseconds(100),
            });
        RawClient[] clients = await Task.WhenAll(
            Enumerable.Range(0, Clients).Select(_ => RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 4096)));
        foreach (RawClient client in clients)
        {
            await client.SendAsync(RawClient.Get("/endless"));
        }

        await Eventually.UntilAsync(() => Volatile.Read(ref held) == Clients, () => $"{held} are held up");
        for (int i = 0; i < 20; i++)
        {
            using RawClient other = await server.ConnectAsync();
            Assert.Equal("alive", (await other.GetAsync("/")).Text);
        }

        Assert.InRange(server.Pool.Peak, Clients, ((Clients + 1) * Blocks) + ofLoops);
        await server.StopAsync().Within();
        foreach (RawClient client in clients)
        {
            client.Dispose();
        }

        static async Task WriteForEverAsync(HttpContext context, Action hold)
        {
            byte[] chunk = new byte[ChunkLength];
            bool isHeld = false;
            while (!context.RequestAborted.IsCancellationRequested)
            {
                Task write = context.Response.Body.WriteAsync(chunk).AsTask();
                if (!write.IsCompleted && !isHeld)
                {
                    isHeld = true;
                    hold();
                }

                await write;

                // A connection that is aborted takes everything at once, and its token comes by the pool.
                await Task.Yield();
            }
        }
    }

    private static Task<RawClient[]> ConnectAsync(TestServer server, int count)
        => Task.WhenAll(Enumerable.Range(0, count).Select(_ => server.ConnectAsync()));
}
