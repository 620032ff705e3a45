using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>A server that takes no new client and lets those that it has come to their end.</summary>
public sealed class DrainTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Idle_connections_end_with_a_FIN(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, static context => context.Response.WriteAsync("answer"));
        using RawClient served = await server.ConnectAsync();
        await served.GetAsync("/");
        using RawClient silent = await server.ConnectAsync();
        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 2);

        await TransportOf(server).DrainAsync().Within("the drain");

        await served.AssertFinAsync();
        await silent.AssertFinAsync();
        Assert.Equal(0, server.Loops.Sum(loop => loop.Connections));
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_request_that_runs_is_answered_and_its_connection_ends(TransportKind transport)
    {
        var running = new Signal();
        var asked = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            using CancellationTokenRegistration registration = context.Features
                .GetRequiredFeature<IConnectionLifetimeNotificationFeature>().ConnectionClosedRequested
                .Register(asked.Set);
            running.Set();
            await asked.Task.Within("the request to end");
            await context.Response.WriteAsync("answer");
        });
        using RawClient client = await server.ConnectAsync();
        Task<HttpReply> reply = client.GetAsync("/");
        await running.Task.Within("the handler");

        Task drain = TransportOf(server).DrainAsync();

        Assert.Equal("answer", (await reply).Text);
        Assert.Equal("close", (await reply).Headers["Connection"]);
        await client.AssertFinAsync();
        await drain.Within("the drain");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_stream_of_HTTP_2_comes_to_its_end_before_its_connection(TransportKind transport)
    {
        var running = new Signal();
        var end = new Signal();
        var setup = new TestServerSetup { Listen = static listen => listen.Protocols = HttpProtocols.Http2 };
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await context.Response.WriteAsync("first ");
                await context.Response.Body.FlushAsync();
                running.Set();
                await end.Task;
                await context.Response.WriteAsync("last");
            },
            setup);
        using var client = new HttpClient
        {
            BaseAddress = server.HttpUrl,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        Task<string> reply = client.GetStringAsync(new Uri("/", UriKind.Relative));
        await running.Task.Within("the handler");

        Task drain = TransportOf(server).DrainAsync();
        await Eventually.UntilAsync(() => !IsAccepting(server));
        end.Set();

        Assert.Equal("first last", await reply.Within("the response"));
        await drain.Within("the drain");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Its_end_is_not_waited_for_longer_than_the_caller_wants(TransportKind transport)
    {
        var request = new HangingRequest();
        TestServer server = await StartAsync(transport, request.HandleAsync);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;
        using var patience = new CancellationTokenSource();

        Task drain = TransportOf(server).DrainAsync(patience.Token);
        await Eventually.UntilAsync(() => !IsAccepting(server));
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => drain.Within("the drain"));
        client.Reset();
        await request.UntilAborted;
        await TransportOf(server).DrainAsync().Within("the second drain");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Clients_that_come_meanwhile_wait_for_the_next_process(TransportKind transport)
    {
        using var owner = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        owner.Bind(TestServerSetup.FreeLoopbackPort);
        TestServer first =
            await StartAsync(transport, static context => context.Response.WriteAsync("1"), Shared(owner));
        Assert.Equal("1", await GetAsync(owner.LocalEndPoint!));

        await TransportOf(first).DrainAsync().Within("the drain");
        Task<string> waiting = GetAsync(owner.LocalEndPoint!);
        await first.StopAsync().Within("the stop");
        Assert.False(waiting.IsCompleted);
        await StartAsync(transport, static context => context.Response.WriteAsync("2"), Shared(owner));

        Assert.Equal("2", await waiting.Within("the next server's answer"));
    }

    /// <summary>Two servers on one listen socket take turns, each drained as soon as the other accepts.</summary>
    [Theory, MemberData(nameof(OnFdm))]
    public async Task Under_load_no_client_is_refused_or_reset(TransportKind transport)
    {
        const int Turns = 10;
        const int Clients = 8;

        using var owner = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        owner.Bind(TestServerSetup.FreeLoopbackPort);
        TestServer current =
            await StartAsync(transport, static context => context.Response.WriteAsync("x"), Shared(owner));
        using var end = new CancellationTokenSource();
        Task<int>[] clients = [.. Enumerable.Range(0, Clients).Select(_ => RunAsync())];
        for (int turn = 0; turn < Turns; turn++)
        {
            TestServer next =
                await StartAsync(transport, static context => context.Response.WriteAsync("x"), Shared(owner));
            await TransportOf(current).DrainAsync().Within("the drain");
            await current.StopAsync().Within("the stop");
            current = next;
        }

        await end.CancelAsync();
        Assert.All(await Task.WhenAll(clients).Within("the clients"), answers => Assert.True(answers > Turns));

        async Task<int> RunAsync()
        {
            int answers = 0;
            while (!end.IsCancellationRequested)
            {
                Assert.Equal("x", await GetAsync(owner.LocalEndPoint!));
                answers++;
            }

            return answers;
        }
    }

    /// <summary>Over a connection of its own: one that is idle may end as the client sends.</summary>
    private static async Task<string> GetAsync(EndPoint endPoint)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        return (await client.GetAsync("/")).Text;
    }

    private static TestServerSetup Shared(Socket owner) => new()
    {
        EndPoints = [new FileHandleEndPoint((ulong)owner.Handle, FileHandleType.Auto)],
    };

    private static IFdmTransport TransportOf(TestServer server) => server.Services.GetRequiredService<IFdmTransport>();

    private static bool IsAccepting(TestServer server)
        => TransportOf(server).GetEndpointStatistics().Any(endpoint => endpoint.IsAccepting);
}
