using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>HTTP/1 over the bare connection.</summary>
public sealed class Http1Tests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_connection_serves_a_hundred_requests(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath);
        using RawClient client = await server.ConnectAsync();

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal($"/{i}", (await client.GetAsync($"/{i}")).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_pipelined_batch_is_answered_in_order(TransportKind transport)
    {
        const int Depth = 16;
        TestServer server = await StartAsync(transport, AnswerWithPath);
        using RawClient client = await server.ConnectAsync();

        for (int round = 0; round < 50; round++)
        {
            string[] paths = [.. Enumerable.Range(0, Depth).Select(i => $"/{round}/{i}")];
            await client.SendAsync(string.Concat(paths.Select(RawClient.Get)));
            foreach (string path in paths)
            {
                Assert.Equal(path, (await client.ReadReplyAsync()).Text);
            }
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_pipelined_batch_is_answered_in_order_when_every_other_handler_yields(TransportKind transport)
    {
        const int Depth = 16;
        TestServer server = await StartAsync(transport, async context =>
        {
            if (context.Request.Path.Value!.EndsWith('1'))
            {
                await Task.Yield();
            }

            await context.Response.WriteAsync(context.Request.Path.Value);
        });
        using RawClient client = await server.ConnectAsync();

        for (int round = 0; round < 50; round++)
        {
            string[] paths = [.. Enumerable.Range(0, Depth).Select(i => $"/{round}/{i}/{i % 2}")];
            await client.SendAsync(string.Concat(paths.Select(RawClient.Get)));
            foreach (string path in paths)
            {
                Assert.Equal(path, (await client.ReadReplyAsync()).Text);
            }
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_request_may_come_byte_by_byte(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, Handlers.EchoBody);
        using RawClient client = await server.ConnectAsync();

        byte[] request = Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 7\r\n\r\ndribble");
        for (int round = 0; round < 3; round++)
        {
            foreach (byte one in request)
            {
                await client.SendAsync(new[] { one });
            }

            Assert.Equal("dribble", (await client.ReadReplyAsync()).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_chunked_upload_arrives_whole(TransportKind transport)
    {
        int[] sizes = [1, 15, 4095, 4096, 4097, 20_000, 100_000, 7];
        TestServer server = await StartAsync(transport, Handlers.HashBody);
        using RawClient client = await server.ConnectAsync();

        // The pattern counts in eights, so it is made whole and then cut.
        byte[] body = BytePattern.Default.Create((sizes.Sum() + 7) / 8 * 8)[..sizes.Sum()];
        string expected = Convert.ToHexString(SHA256.HashData(body));
        for (int round = 0; round < 5; round++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
            int offset = 0;
            foreach (int size in sizes)
            {
                await client.SendAsync(size.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
                await client.SendAsync(body.AsMemory(offset, size));
                await client.SendAsync("\r\n");
                offset += size;
            }

            await client.SendAsync("0\r\n\r\n");
            Assert.Equal(expected, (await client.ReadReplyAsync()).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_hundred_megabytes_are_uploaded_unharmed(TransportKind transport)
    {
        const int Length = 100 * 1024 * 1024;
        TestServer server = await StartAsync(transport, Handlers.HashBody);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        await client.SendPatternAsync(Length).Within();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_hundred_megabytes_are_downloaded_unharmed(TransportKind transport)
    {
        const int Length = 100 * 1024 * 1024;
        TestServer server = await StartAsync(transport, context => Handlers.SendPattern(context, Length));
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Large_response_headers_arrive_whole(TransportKind transport)
    {
        const int Count = 20;
        TestServer server = await StartAsync(transport, context =>
        {
            for (int i = 0; i < Count; i++)
            {
                context.Response.Headers[$"X-Large-{i}"] = new string((char)('a' + i), 1024);
            }

            return context.Response.WriteAsync("body");
        });
        using RawClient client = await server.ConnectAsync();

        for (int round = 0; round < 3; round++)
        {
            HttpReply reply = await client.GetAsync("/");
            Assert.Equal("body", reply.Text);
            for (int i = 0; i < Count; i++)
            {
                Assert.Equal(new string((char)('a' + i), 1024), reply.Headers[$"X-Large-{i}"]);
            }
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Large_request_headers_arrive_whole(TransportKind transport)
    {
        string value = new('v', 7000);
        TestServer server = await StartAsync(
            transport,
            context => context.Response.WriteAsync(string.Concat(
                context.Request.Headers["X-One"].ToString(),
                context.Request.Headers["X-Two"].ToString())));
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync($"GET / HTTP/1.1\r\nHost: test\r\nX-One: {value}\r\nX-Two: {value}\r\n\r\n");
        Assert.Equal(value + value, (await client.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_body_that_is_expected_is_asked_for(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, Handlers.EchoBody);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal(100, (await client.ReadReplyAsync()).Status);
        await client.SendAsync("asked");
        Assert.Equal("asked", (await client.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Connection_close_ends_with_FIN_after_the_response(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath);
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("/stay", (await client.GetAsync("/stay")).Text);
        await client.SendAsync("GET /close HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        Assert.Equal("/close", (await client.ReadReplyAsync()).Text);
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_large_response_is_complete_before_the_FIN_of_connection_close(TransportKind transport)
    {
        const int Length = 16 * 1024 * 1024;
        TestServer server = await StartAsync(transport, context => Handlers.SendPattern(context, Length));
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("GET /close HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        await client.ReadHeadAsync();
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_HTTP_1_0_response_ends_with_FIN(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("GET /old HTTP/1.0\r\n\r\n");
        HttpReply reply = await client.ReadReplyAsync();
        Assert.Equal("/old", reply.Text);
        Assert.Equal("close", reply.Headers["Connection"]);
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_malformed_request_is_answered_with_400_and_the_end(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, AnswerWithPath);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("NONSENSE\r\n\r\n");
        Assert.Equal(400, (await client.ReadReplyAsync()).Status);
        await client.AssertFinAsync();
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task A_thousand_connections_are_served_at_once(TransportKind transport)
    {
        const int Connections = 1000;
        Descriptors.SkipBelow((2 * Connections) + 1000);
        TestServer server = await StartAsync(transport, AnswerWithPath);

        var clients = new RawClient[Connections];
        await Parallel.ForAsync(0, Connections, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) =>
            clients[i] = await server.ConnectAsync());
        for (int round = 0; round < 3; round++)
        {
            await Task.WhenAll(clients.Select((client, i) => client.SendAsync(RawClient.Get($"/{round}/{i}"))));
            HttpReply[] replies = await Task.WhenAll(clients.Select(client => client.ReadReplyAsync()));
            for (int i = 0; i < Connections; i++)
            {
                Assert.Equal($"/{round}/{i}", replies[i].Text);
            }
        }

        IReadOnlyList<LoopSnapshot> loops = server.Loops;
        if (transport != TransportKind.Sockets)
        {
            Assert.Equal(Connections, loops.Sum(loop => loop.Connections));
            Assert.Equal(Connections, loops.Sum(loop => loop.Accepts));
            Assert.All(loops, loop => Assert.NotEqual(0, loop.Connections));
        }

        foreach (RawClient client in clients)
        {
            client.Dispose();
        }

        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
    }

    private static Task AnswerWithPath(HttpContext context) => context.Response.WriteAsync(context.Request.Path.Value!);
}
