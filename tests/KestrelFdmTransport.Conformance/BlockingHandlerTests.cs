using System.IO.Pipelines;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>
/// Handlers that flush and then block their thread until the client has what they flushed. A transport that keeps the
/// bytes until the handler returns hangs here.
/// </summary>
public sealed class BlockingHandlerTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_flush_leaves_while_the_first_handler_of_a_connection_blocks(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        TestServer server = await StartAsync(transport, context => FlushThenBlock(context, arrived));
        using RawClient client = await server.ConnectAsync();

        await AssertFlushArrivesAsync(client, arrived);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_flush_leaves_while_a_later_handler_of_a_connection_blocks(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        TestServer server = await StartAsync(
            transport,
            context => context.Request.Path == "/block" ? FlushThenBlock(context, arrived) : Task.CompletedTask);
        using RawClient client = await server.ConnectAsync();

        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(200, (await client.GetAsync("/warm")).Status);
        }

        await AssertFlushArrivesAsync(client, arrived);
        Assert.Equal(200, (await client.GetAsync("/after")).Status);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_flush_leaves_while_a_handler_blocks_after_a_real_await(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        TestServer server = await StartAsync(transport, async context =>
        {
            await Task.Yield();
            await FlushThenBlock(context, arrived);
        });
        using RawClient client = await server.ConnectAsync();

        await AssertFlushArrivesAsync(client, arrived);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Flushes_leave_one_by_one_while_a_handler_blocks_again_and_again(TransportKind transport)
    {
        const int Parts = 20;
        using var arrived = new SemaphoreSlim(0);
        TestServer server = await StartAsync(transport, async context =>
        {
            for (int i = 0; i < Parts; i++)
            {
                await context.Response.WriteAsync($"part {i};");
                await context.Response.Body.FlushAsync();
                Assert.True(arrived.Wait(Eventually.Limit));
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        for (int i = 0; i < Parts; i++)
        {
            Assert.Equal($"part {i};", Encoding.ASCII.GetString(await client.ReadChunkAsync()));
            arrived.Release();
        }

        Assert.Empty(await client.ReadChunkAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Responses_before_a_blocking_one_in_a_pipelined_batch_leave(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        TestServer server = await StartAsync(transport, async context =>
        {
            await context.Response.WriteAsync(context.Request.Path.Value!);
            await context.Response.Body.FlushAsync();
            if (context.Request.Path == "/3")
            {
                Assert.True(arrived.Wait(Eventually.Limit));
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(string.Concat(Enumerable.Range(0, 6).Select(i => RawClient.Get($"/{i}"))));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal($"/{i}", (await client.ReadReplyAsync()).Text);
        }

        arrived.Set();
        for (int i = 3; i < 6; i++)
        {
            Assert.Equal($"/{i}", (await client.ReadReplyAsync()).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_raw_flush_that_is_not_awaited_leaves_while_the_handler_blocks(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            // The second round runs as the continuation of a read.
            for (int round = 0; round < 2; round++)
            {
                ReadResult result = await connection.Transport.Input.ReadAsync();
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                ValueTask<FlushResult> flush = connection.Transport.Output.WriteAsync("flushed"u8.ToArray());
                Assert.True(arrived.Wait(Eventually.Limit));
                arrived.Reset();
                await flush;
            }
        });
        using RawClient client = await server.ConnectAsync();

        for (int round = 0; round < 2; round++)
        {
            await client.SendAsync("go");
            Assert.Equal("flushed", await client.ReadTextAsync(7));
            arrived.Set();
        }

        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_may_read_synchronously_what_has_come(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            context =>
            {
                byte[] body = new byte[4];
                context.Request.Body.ReadExactly(body);
                return context.Response.Body.WriteAsync(body).AsTask();
            },
            new TestServerSetup { Kestrel = kestrel => kestrel.AllowSynchronousIO = true });
        using RawClient client = await server.ConnectAsync();

        for (int i = 0; i < 5; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nsync");
            HttpReply reply = await client.ReadReplyAsync();
            Assert.Equal("sync", reply.Text);
        }
    }

    private static async Task FlushThenBlock(HttpContext context, ManualResetEventSlim arrived)
    {
        context.Response.ContentLength = 10;
        await context.Response.WriteAsync("first");
        await context.Response.Body.FlushAsync();
        Assert.True(arrived.Wait(Eventually.Limit));
        await context.Response.WriteAsync("later");
    }

    private static async Task AssertFlushArrivesAsync(RawClient client, ManualResetEventSlim arrived)
    {
        await client.SendAsync(RawClient.Get("/block"));
        Assert.Equal(200, (await client.ReadHeadAsync()).Status);
        Assert.Equal("first", await client.ReadTextAsync(5));
        arrived.Set();
        Assert.Equal("later", await client.ReadTextAsync(5));
    }
}
