using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Responses;

/// <summary>Responses to clients that do not want them any more.</summary>
public sealed class WriteAfterCloseTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_write_after_the_clients_close_does_nothing(TransportKind transport)
    {
        var running = new Signal();
        var ended = new Signal<Exception?>();
        TestServer server = await StartAsync(transport, async context =>
        {
            running.Set();
            await WhenCancelledAsync(context.RequestAborted);
            ended.Set(await Record.ExceptionAsync(() => context.Response.WriteAsync("late")));
        });
        RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await running.Task.Within();
        client.Dispose();
        Assert.Null(await ended.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_write_with_the_token_of_an_aborted_request_is_cancelled(TransportKind transport)
    {
        var ended = new Signal<Exception?>();
        TestServer server = await StartAsync(transport, async context =>
        {
            byte[] chunk = new byte[64 * 1024];
            ended.Set(await Record.ExceptionAsync(async () =>
            {
                while (true)
                {
                    await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
                    await Task.Yield();
                }
            }));
        });
        RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        client.Dispose();
        Assert.IsAssignableFrom<OperationCanceledException>(await ended.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Writing_shows_the_end_of_a_client_that_the_paused_reader_cannot_see(TransportKind transport)
    {
        const int PauseEvent = 4;
        const int Length = 64 * 1024 * 1024;
        var clientIsGone = new Signal();
        var aborted = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            context.RequestAborted.Register(aborted.Set);
            await clientIsGone.Task;
            byte[] chunk = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(chunk);
                await Task.Yield();
            }
        });
        RawClient client = await server.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        Task sending = Record.ExceptionAsync(() => client.SendPatternAsync(Length));
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        client.Reset();
        await sending.Within();
        Assert.False(aborted.Task.IsCompleted);

        clientIsGone.Set();
        await aborted.Task.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_goes_in_the_middle_of_a_response_leaves_the_server_to_others(
        TransportKind transport)
    {
        const int Length = 16 * 1024 * 1024;
        TestServer server = await StartAsync(transport, context => Handlers.SendPattern(context, Length));
        for (int i = 0; i < 5; i++)
        {
            RawClient gone = await server.ConnectAsync();
            await gone.SendAsync(RawClient.Get("/"));
            await gone.ReadHeadAsync();
            gone.Reset();
        }

        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
    }

    private static async Task WhenCancelledAsync(CancellationToken token)
    {
        var cancelled = new Signal();
        using CancellationTokenRegistration registration = token.Register(cancelled.Set);
        await cancelled.Task;
    }
}
