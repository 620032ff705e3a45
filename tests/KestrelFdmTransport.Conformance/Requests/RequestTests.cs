using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>Requests that are large, many, or cut off while the handler does not read.</summary>
[Trait("Category", "Slow")]
public sealed class RequestTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int PauseEvent = 4;
    private const int WriteFinEvent = 7;
    private const int WriteRstEvent = 8;

    public static TheoryData<TransportKind, bool> OnBothPlainAndPassedThrough => Cases.Cross(OnBoth, [false, true]);

    [Theory, MemberData(nameof(OnBothPlainAndPassedThrough))]
    public async Task A_large_upload_arrives_in_order(TransportKind transport, bool passThrough)
    {
        const int Length = 64 * 1024 * 1024;
        TestServer server =
            await StartAsync(transport, Handlers.HashBody, new TestServerSetup { Listen = Adapter(passThrough) });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        await client.SendPatternAsync(Length).Within();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Requests_of_many_connections_are_worked_on_at_once(TransportKind transport)
    {
        const int Count = 10;
        int running = 0;
        var all = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            if (Interlocked.Increment(ref running) == Count)
            {
                all.Set();
            }

            await all.Task;
            await context.Response.WriteAsync("all");
        });
        var clients = new List<RawClient>();
        for (int i = 0; i < Count; i++)
        {
            RawClient client = await server.ConnectAsync();
            clients.Add(client);
            await client.SendAsync(RawClient.Get("/"));
        }

        foreach (RawClient client in clients)
        {
            Assert.Equal("all", (await client.ReadReplyAsync()).Text);
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnBothPlainAndPassedThrough))]
    public async Task Every_read_after_a_client_reset_throws(TransportKind transport, bool passThrough)
    {
        var received = new Signal();
        var failures = new Signal<List<Exception>>();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await context.Request.Body.ReadExactlyAsync(new byte[4]);
                received.Set();
                List<Exception> seen = [];
                for (int i = 0; i < 3; i++)
                {
                    seen.Add(await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null)));
                }

                failures.Set(seen);
            },
            new TestServerSetup { Listen = Adapter(passThrough), ExpectedError = TestServerSetup.DrainError });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
        await received.Task.Within();
        client.Reset();
        List<Exception> seen = await failures.Task.Within();
        Assert.IsType<ConnectionResetException>(seen[0]);
        Assert.DoesNotContain(null, seen);
    }

    [Theory, MemberData(nameof(OnBothPlainAndPassedThrough))]
    public async Task The_server_can_abort_a_connection_whose_end_it_could_not_see(
        TransportKind transport,
        bool passThrough)
    {
        var closed = new Signal();
        var clientIsGone = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.Register(closed.Set);
                await clientIsGone.Task;
                context.Abort();
            },
            new TestServerSetup { Listen = Adapter(passThrough) });
        RawClient client = await server.ConnectAsync();

        const int Length = 64 * 1024 * 1024;
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        Task<Exception?> sending = Record.ExceptionAsync(() => client.SendPatternAsync(Length))!;
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        Assert.False(sending.IsCompleted);
        client.Reset();
        await sending.Within();
        Assert.False(closed.Task.IsCompleted);

        clientIsGone.Set();
        await server.Logs
            .FindAsync(entry => entry.IsFromTransport && entry.Id.Id is WriteFinEvent or WriteRstEvent)
            .Within();
        await closed.Task.Within();
    }

    private static Action<ListenOptions>? Adapter(bool passThrough)
        => passThrough ? PassThrough.Use : null;
}
