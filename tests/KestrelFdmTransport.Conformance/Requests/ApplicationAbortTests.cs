using System;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>The application cuts a request off.</summary>
public sealed class ApplicationAbortTests(ITestOutputHelper output) : OracleTest(output)
{
    private const int RequestBodyReadAbortedEvent = 34;

    public static TheoryData<TransportKind, RequestPhase> EveryPhaseOfAHandler => Cases.Cross(
        OnFdm,
        [
            RequestPhase.WhileTheHandlerWaits,
            RequestPhase.WithinTheBody,
            RequestPhase.WhileTheInputIsHeldUp,
            RequestPhase.AfterTheResponseBegan,
            RequestPhase.WhileTheOutputIsHeldUp,
        ]);

    [Theory, MemberData(nameof(EveryPhaseOfAHandler))]
    public Task All_parties_see_an_abort_as_on_Sockets(TransportKind transport, RequestPhase phase)
        => CompareAbortAsync(transport, phase, context => context.Abort());

    [Theory, MemberData(nameof(EveryPhaseOfAHandler))]
    public Task All_parties_see_an_abort_from_another_thread_as_on_Sockets(
        TransportKind transport,
        RequestPhase phase)
        => CompareAbortAsync(transport, phase, context =>
        {
            var thread = new Thread(context.Abort);
            thread.Start();
            thread.Join();
        });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_RequestAborted_token_is_the_same_before_and_after_an_abort(TransportKind transport)
    {
        var tokens = new Signal<(CancellationToken Before, CancellationToken After)>();
        TestServer server = await StartAsync(transport, context =>
        {
            CancellationToken before = context.RequestAborted;
            context.Abort();
            tokens.Set((before, context.RequestAborted));
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        (CancellationToken before, CancellationToken after) = await tokens.Task.Within();
        Assert.Equal(before, after);
        await Eventually.UntilAsync(() => before.IsCancellationRequested);
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_read_that_is_aborted_is_cancelled_and_logged_once(TransportKind transport)
    {
        var failure = new Signal<Exception>();
        TestServer server = await StartAsync(transport, async context =>
        {
            Task reading = ReadAsync(context);
            context.Abort();
            failure.Set(await Record.ExceptionAsync(() => reading));
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n");
        Assert.IsType<TaskCanceledException>(await failure.Task.Within());
        await client.AssertResetAsync();
        await server.DisposeAsync();
        Assert.Single(
            server.Logs.Entries,
            entry => entry.Id.Id == RequestBodyReadAbortedEvent
                && entry.Category.StartsWith("Microsoft.AspNetCore.Server.Kestrel", StringComparison.Ordinal));
    }

    private static async Task ReadAsync(HttpContext context)
        => Assert.NotEqual(0, await context.Request.Body.ReadAsync(new byte[1]));

    private Task CompareAbortAsync(TransportKind transport, RequestPhase phase, Action<HttpContext> abort)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            var scene = new RequestScene(transcript) { WhenReached = abort };
            TestServer server = await StartAsync(kind, scene.HandleAsync, scene.Setup);
            using RawClient client = await scene.ReachAsync(server, phase);

            scene.Proceed();
            // The kernel reports a reset once, to either the sender or the reader.
            Exception? reading = await Record.ExceptionAsync(client.ReadToEndAsync);
            Exception? sending = await scene.Sending.Within();
            Assert.True(reading is SocketException || sending is SocketException, $"{reading} {sending}");
            await server.UntilConnectionsStoppedAsync();
            await server.DisposeAsync();
            scene.AddLog(phase, server.Logs);
        });
    }
}
