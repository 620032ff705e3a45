using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>How connections under HTTP end, and what application and client see of it.</summary>
public sealed class ConnectionLifetimeTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int ReadFinEvent = 6;
    private const int WriteFinEvent = 7;
    private const int WriteRstEvent = 8;
    private const int ResetEvent = 19;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_FIN_aborts_the_request_that_a_handler_works_on(TransportKind transport)
    {
        var running = new Signal();
        var aborted = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            running.Set();
            await WhenCancelledAsync(context.RequestAborted);
            aborted.Set();
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await running.Task.Within();
        client.HalfClose();
        await aborted.Task.Within();
        await server.Logs.FindTransportEventAsync(ReadFinEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_FIN_fires_ConnectionClosed_while_a_handler_works(TransportKind transport)
    {
        var running = new Signal();
        var closed = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            CancellationToken token =
                context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed;
            Assert.False(token.IsCancellationRequested);
            running.Set();
            await WhenCancelledAsync(token);
            closed.Set();
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await running.Task.Within();
        client.HalfClose();
        await closed.Task.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_FIN_of_the_server_fires_ConnectionClosed(TransportKind transport)
    {
        var closed = new Signal();
        TestServer server = await StartAsync(transport, context =>
        {
            context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.Register(closed.Set);
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        Assert.Equal(200, (await client.ReadReplyAsync()).Status);
        await client.AssertFinAsync();
        await closed.Task.Within();
        await server.Logs.FindTransportEventAsync(WriteFinEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_by_the_application_resets_the_client_and_fires_ConnectionClosed(TransportKind transport)
    {
        var closed = new Signal();
        var aborted = new Signal();
        TestServer server = await StartAsync(transport, context =>
        {
            context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.Register(closed.Set);
            context.RequestAborted.Register(aborted.Set);
            context.Abort();
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.AssertResetAsync();
        await closed.Task.Within();
        await aborted.Task.Within();
        await server.Logs.FindTransportEventAsync(WriteRstEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_reset_makes_the_body_throw_ConnectionResetException(TransportKind transport)
    {
        var received = new Signal();
        var failure = new Signal<Exception>();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await context.Request.Body.ReadExactlyAsync(new byte[4]);
                received.Set();
                failure.Set(await Record.ExceptionAsync(() => ReadSomeAsync(context.Request.Body)));
            },
            new TestServerSetup { ExpectedError = TestServerSetup.DrainError });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
        await received.Task.Within();
        client.Reset();
        Assert.IsType<ConnectionResetException>(await failure.Task.Within());
        await server.Logs.FindTransportEventAsync(ResetEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_ends_a_body_read_that_waits(TransportKind transport)
    {
        var failure = new Signal<Exception>();
        TestServer server = await StartAsync(transport, async context =>
        {
            Task reading = ReadSomeAsync(context.Request.Body);
            Assert.False(reading.IsCompleted);
            context.Abort();
            failure.Set(await Record.ExceptionAsync(() => reading));
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
        Assert.IsAssignableFrom<OperationCanceledException>(await failure.Task.Within());
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_FIN_before_or_between_requests_is_logged_and_answered_with_FIN(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask);
        foreach (int requests in new[] { 0, 1 })
        {
            using RawClient client = await server.ConnectAsync();
            for (int i = 0; i < requests; i++)
            {
                Assert.Equal(200, (await client.GetAsync("/")).Status);
            }

            client.HalfClose();
            await client.AssertFinAsync();
        }

        await Eventually.UntilAsync(
            () => server.Logs.Entries.Count(entry => entry.IsFromTransport && entry.Id.Id == ReadFinEvent) == 2);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_reset_before_a_request_is_logged_and_nothing_more(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask);
        using RawClient client = await server.ConnectAsync();

        await server.Logs.FindAsync(entry => entry.Is("ConnectionStart")).Within();
        client.Reset();
        await server.Logs.FindTransportEventAsync(ResetEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_reset_between_requests_is_logged_and_nothing_more(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask);
        using RawClient client = await server.ConnectAsync();

        Assert.Equal(200, (await client.GetAsync("/")).Status);
        client.Reset();
        await server.Logs.FindTransportEventAsync(ResetEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_reset_at_once_do_no_harm(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("alive"));
        for (int i = 0; i < 100; i++)
        {
            RawClient client = await server.ConnectAsync();
            client.Reset();
        }

        using RawClient survivor = await server.ConnectAsync();
        Assert.Equal("alive", (await survivor.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Writing_on_after_the_clients_reset_aborts_the_request_and_does_not_throw(TransportKind transport)
    {
        var ended = new Signal<Exception?>();
        TestServer server = await StartAsync(transport, async context =>
        {
            byte[] chunk = new byte[16 * 1024];
            ended.Set(await Record.ExceptionAsync(async () =>
            {
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.Body.WriteAsync(chunk);
                    // Writes to a dead connection complete at once, and this loop must not keep the thread from others.
                    await Task.Yield();
                }

                await context.Response.Body.WriteAsync(chunk);
            }));
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        await client.ReadChunkAsync();
        client.Reset();
        Assert.Null(await ended.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_idle_connection_ends_with_FIN_after_the_keep_alive_timeout(TransportKind transport)
    {
        var setup =
            new TestServerSetup { Kestrel = kestrel => kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(1) };
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask, setup);
        using RawClient client = await server.ConnectAsync();

        Assert.Equal(200, (await client.GetAsync("/")).Status);
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Connection_ids_have_thirteen_characters_and_differ(TransportKind transport)
    {
        const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
        const int Connections = 50;
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync(context.Connection.Id));

        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < Connections; i++)
        {
            using RawClient client = await server.ConnectAsync();
            string id = (await client.GetAsync("/")).Text;
            Assert.Equal(13, id.Length);
            Assert.DoesNotContain(id, character => !Alphabet.Contains(character, StringComparison.Ordinal));
            Assert.True(ids.Add(id));
            Assert.Equal(id, (await client.GetAsync("/")).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_socket_feature_shows_the_connections_own_socket(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, context =>
        {
            Socket socket = context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
            Assert.Same(socket, context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket);
            return context.Response.WriteAsync(
                $"{socket.LocalEndPoint} {socket.RemoteEndPoint} {socket.NoDelay} {socket.Connected}");
        });
        using RawClient client = await server.ConnectAsync();

        string expected = $"{client.RemoteEndPoint} {client.LocalEndPoint} True True";
        Assert.Equal(expected, (await client.GetAsync("/")).Text);
        Assert.Equal(expected, (await client.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task NoDelay_can_be_switched_off(TransportKind transport)
    {
        var setup = new TestServerSetup { Transport = new TransportSettings { NoDelay = false } };
        TestServer server = await StartAsync(
            transport,
            context => context.Response.WriteAsync(
                context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket.NoDelay.ToString()),
            setup);
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("False", (await client.GetAsync("/")).Text);
    }

    private static async Task ReadSomeAsync(Stream body)
    {
        int count = await body.ReadAsync(new byte[16]);
        Assert.NotEqual(0, count);
    }

    private static async Task WhenCancelledAsync(CancellationToken token)
    {
        var cancelled = new Signal();
        using CancellationTokenRegistration registration = token.Register(cancelled.Set);
        await cancelled.Task;
    }
}
