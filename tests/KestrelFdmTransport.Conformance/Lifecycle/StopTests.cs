using System;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>
/// The stop of a server at every moment of a request. That all blocks come back is checked after every case.
/// </summary>
[Trait("Category", "Slow")]
public sealed class StopTests(ITestOutputHelper output) : OracleTest(output)
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(0.3);

    public static TheoryData<TransportKind, RequestPhase> EveryPhase
        => Cases.Cross(OnFdm, Enum.GetValues<RequestPhase>());

    [Theory, MemberData(nameof(EveryPhase))]
    public Task All_parties_see_a_stop_that_becomes_abortive_as_on_Sockets(TransportKind transport, RequestPhase phase)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            var scene = new RequestScene(transcript);

            // A connection without a request ends politely, if a busy machine gives it the time.
            bool isIdle = phase is RequestPhase.BeforeTheFirstByte or RequestPhase.BetweenRequests;
            var setup = new TestServerSetup
            {
                Listen = scene.Setup.Listen,
                ShutdownTimeout = isIdle ? Eventually.Limit : s_short,
                AbortsWhenStopping = true,
                ExpectedError = TestServerSetup.DrainError,
            };
            TestServer server = await StartAsync(kind, scene.HandleAsync, setup);
            using RawClient client = await scene.ReachAsync(server, phase);

            Task stop = server.StopAsync();
            if (phase == RequestPhase.WhileTheInputIsHeldUp)
            {
                // Or the application might read all before the stop loses its patience.
                await server.Logs.FindAsync(entry => entry.Is("NotAllConnectionsClosedGracefully")).Within();
            }

            scene.Proceed();
            await stop.Within();
            string end = await HowItEndsAsync(client);
            // The kernel reports a reset once, to either the sender or the reader.
            transcript.Add("client", await scene.Sending.Within() is SocketException ? "reset" : end);
            await server.UntilConnectionsStoppedAsync();
            await server.DisposeAsync();
            scene.AddLog(phase, server.Logs);
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_HTTP_2_request_that_hangs_beyond_the_timeout_is_aborted(TransportKind transport)
    {
        var request = new HangingRequest();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await context.Response.WriteAsync("begun");
                await request.HandleAsync(context);
            },
            new TestServerSetup
            {
                Listen = options => options.Protocols = HttpProtocols.Http2,
                ShutdownTimeout = s_short,
                AbortsWhenStopping = true,
            });
        using var client = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        Task<string> reply = client.GetStringAsync(server.HttpUrl);
        await request.UntilRunning;
        await server.StopAsync().Within();
        await request.UntilAborted;
        await Assert.ThrowsAsync<HttpRequestException>(() => reply.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_stop_with_a_cancelled_token_aborts_at_once(TransportKind transport)
    {
        var request = new HangingRequest();
        TestServer server = await StartAsync(
            transport, request.HandleAsync, new TestServerSetup { AbortsWhenStopping = true });
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;

        await Record.ExceptionAsync(
            () => server.Services.GetRequiredService<IHost>().StopAsync(new CancellationToken(canceled: true)).Within(
                "the stop"));
        await request.UntilAborted;
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_that_ignores_the_abort_does_not_hold_the_stop_up_for_ever(TransportKind transport)
    {
        var running = new Signal();
        var mayEnd = new Signal();
        TestServer server = await StartAsync(
            transport,
            async _ =>
            {
                running.Set();
                await mayEnd.Task;
            },
            new TestServerSetup { ShutdownTimeout = s_short, AbortsWhenStopping = true });
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/"));
        await running.Task.Within();

        await server.StopAsync().Within();
        await client.AssertResetAsync();
        Assert.Contains(server.Logs.Entries, entry => entry.Is("NotAllConnectionsAborted"));
        mayEnd.Set();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_disposal_of_a_host_that_was_not_stopped_aborts_and_returns_all_blocks(TransportKind transport)
    {
        var request = new HangingRequest();
        // Not disposed of by the case's end, because that would stop it first.
        TestServer server = await TestServer.StartAsync(transport, request.HandleAsync);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;

        await ((IAsyncDisposable)server.Services.GetRequiredService<IHost>()).DisposeAsync().Within("the disposal");
        await request.UntilAborted;
        await client.AssertResetAsync();
        await server.Pool.VerifyAsync();
        server.Logs.AssertNothingFromTheTransportAbove(LogLevel.Debug);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_waits_for_an_upload_that_is_coming(TransportKind transport)
    {
        const int Half = 4 * 1024 * 1024;
        var running = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            await context.Request.Body.ReadExactlyAsync(new byte[1]);
            running.Set();
            byte[] rest = new byte[(2 * Half) - 1];
            await context.Request.Body.ReadExactlyAsync(rest);
            await context.Response.WriteAsync("whole");
        });
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {2 * Half}\r\n\r\n");
        await client.SendPatternAsync(Half).Within();
        await running.Task.Within();

        Task stop = await server.StopUntilNothingListensAsync();
        Assert.False(stop.IsCompleted);
        await client.SendPatternAsync(Half).Within();
        Assert.Equal("whole", (await client.ReadReplyAsync()).Text);
        await client.AssertFinAsync();
        await stop.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_waits_for_a_response_that_is_held_up(TransportKind transport)
    {
        const int Length = 32 * 1024 * 1024;
        TestServer server = await StartAsync(transport, context => Handlers.SendPattern(context, Length));
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);
        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();

        Task stop = await server.StopUntilNothingListensAsync();
        Assert.False(stop.IsCompleted);
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await client.AssertFinAsync();
        await stop.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_answers_the_request_of_a_pipelined_batch_that_was_begun(TransportKind transport)
    {
        var running = new Signal();
        var mayEnd = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            running.Set();
            await mayEnd.Task;
            await context.Response.WriteAsync(context.Request.Path);
        });
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/1") + RawClient.Get("/2"));
        await running.Task.Within();

        Task stop = await server.StopUntilNothingListensAsync();
        Assert.False(stop.IsCompleted);
        mayEnd.Set();
        Assert.Equal("/1", (await client.ReadReplyAsync()).Text);
        // Whether the second is answered depends on whether Kestrel has asked the connection to close by then.
        await HowItEndsAsync(client);
        await stop.Within();
    }

    private static async Task<string> HowItEndsAsync(RawClient client)
    {
        try
        {
            await client.ReadToEndAsync();
            return "FIN";
        }
        catch (SocketException)
        {
            return "reset";
        }
    }
}
