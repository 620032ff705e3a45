using System;
using System.Globalization;
using System.IO;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols;

/// <summary>Server-sent events in numbers, and clients that do not stay to the end.</summary>
public sealed class ServerSentEventTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task Thousands_of_events_arrive_in_order(TransportKind transport)
    {
        const int Events = 5000;
        TestServer server = await StartAsync(transport, context => SendEventsAsync(context, Events));
        using var client = new HttpClient();

        await using Stream stream = await client.GetStreamAsync(server.HttpUrl).Within();
        using var reader = new StreamReader(stream);
        for (int i = 0; i < Events; i++)
        {
            Assert.Equal($"id: {i}", await reader.ReadLineAsync().Within());
            Assert.Equal($"data: event {i}", await reader.ReadLineAsync().Within());
            Assert.Equal("", await reader.ReadLineAsync().Within());
        }

        Assert.Null(await reader.ReadLineAsync().Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public Task A_client_that_resets_in_mid_stream_aborts_the_request(TransportKind transport)
        => LeaveAsync(transport, client => client.Reset());

    [Theory, MemberData(nameof(OnBoth))]
    public Task A_client_that_closes_in_mid_stream_aborts_the_request(TransportKind transport)
        => LeaveAsync(transport, client => client.Dispose());

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_leaves_between_events_aborts_the_request(TransportKind transport)
    {
        var aborted = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            context.RequestAborted.Register(aborted.Set);
            await SendEventAsync(context, 0);
            await aborted.Task;
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        Assert.Equal("id: 0\ndata: event 0\n\n", Encoding.ASCII.GetString(await client.ReadChunkAsync()));
        client.HalfClose();
        await aborted.Task.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task One_event_reaches_many_listeners(TransportKind transport)
    {
        const int Listeners = 50;
        using var present = new SemaphoreSlim(0);
        var happened = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            await SendEventAsync(context, 0);
            present.Release();
            await happened.Task;
            await SendEventAsync(context, 1);
        });
        var clients = new RawClient[Listeners];
        for (int i = 0; i < Listeners; i++)
        {
            clients[i] = await server.ConnectAsync();
            await clients[i].SendAsync(RawClient.Get("/"));
        }

        for (int i = 0; i < Listeners; i++)
        {
            Assert.True(await present.WaitAsync(Eventually.Limit));
        }

        happened.Set();
        foreach (RawClient client in clients)
        {
            Assert.Equal("id: 0\ndata: event 0\n\nid: 1\ndata: event 1\n\n", (await client.ReadReplyAsync()).Text);
            client.Dispose();
        }
    }

    private static async Task SendEventsAsync(HttpContext context, int count)
    {
        context.Response.ContentType = "text/event-stream";
        for (int i = 0; i < count; i++)
        {
            await SendEventAsync(context, i);
        }
    }

    private static async Task SendEventAsync(HttpContext context, int number)
    {
        await context.Response.WriteAsync(
            string.Create(CultureInfo.InvariantCulture, $"id: {number}\ndata: event {number}\n\n"));
        await context.Response.Body.FlushAsync();
    }

    private async Task LeaveAsync(TransportKind transport, Action<RawClient> leave)
    {
        var ended = new Signal<Exception?>();
        TestServer server = await StartAsync(transport, async context =>
        {
            ended.Set(await Record.ExceptionAsync(async () =>
            {
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await SendEventAsync(context, 0);
                    // Writes to a dead connection complete at once, and this loop must not keep the thread from others.
                    await Task.Yield();
                }

                await SendEventAsync(context, 0);
            }));
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await client.ReadHeadAsync();
        for (int i = 0; i < 10; i++)
        {
            Assert.NotEmpty(await client.ReadChunkAsync());
        }

        leave(client);
        Assert.Null(await ended.Task.Within());
    }
}
