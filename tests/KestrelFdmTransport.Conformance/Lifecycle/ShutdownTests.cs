using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>The end of a server. That all blocks come back is checked after every case of every class.</summary>
public sealed class ShutdownTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_waits_for_a_request_in_flight(TransportKind transport)
    {
        var running = new Signal();
        var mayFinish = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            running.Set();
            await mayFinish.Task;
            await context.Response.WriteAsync("finished");
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await running.Task.Within();
        Task stop = await server.StopUntilNothingListensAsync();
        Assert.False(stop.IsCompleted);

        mayFinish.Set();
        Assert.Equal("finished", (await client.ReadReplyAsync()).Text);
        await client.AssertFinAsync();
        await stop.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_waits_for_an_HTTP_2_request_in_flight(TransportKind transport)
    {
        var running = new Signal();
        var mayFinish = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                running.Set();
                await mayFinish.Task;
                await context.Response.WriteAsync("finished");
            },
            new TestServerSetup { Listen = options => options.Protocols = HttpProtocols.Http2 });
        using var client = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        Task<string> reply = client.GetStringAsync(server.HttpUrl);
        await running.Task.Within();
        Task stop = await server.StopUntilNothingListensAsync();
        Assert.False(stop.IsCompleted);

        mayFinish.Set();
        Assert.Equal("finished", await reply.Within());
        await stop.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_aborts_a_request_that_hangs_beyond_the_timeout(TransportKind transport)
    {
        var request = new HangingRequest();
        TestServer server = await StartAsync(
            transport,
            request.HandleAsync,
            new TestServerSetup { ShutdownTimeout = TimeSpan.FromSeconds(1), AbortsWhenStopping = true });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;
        await server.StopAsync().Within();
        await request.UntilAborted;
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_aborts_an_unread_response(TransportKind transport)
    {
        var held = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                // More than the kernel takes, and no more than runs through in no time once the connection is aborted.
                byte[] chunk = new byte[64 * 1024];
                for (int i = 0; i < 1024; i++)
                {
                    Task write = context.Response.Body.WriteAsync(chunk).AsTask();
                    if (!write.IsCompleted)
                    {
                        held.Set();
                    }

                    await write;
                }
            },
            new TestServerSetup { ShutdownTimeout = TimeSpan.FromSeconds(1), AbortsWhenStopping = true });
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync(RawClient.Get("/"));
        await held.Task.Within();
        await server.StopAsync().Within();
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_ends_idle_connections_with_FIN(TransportKind transport)
    {
        const int Connections = 50;
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask);
        var clients = new List<RawClient>();
        for (int i = 0; i < Connections; i++)
        {
            RawClient client = await server.ConnectAsync();
            clients.Add(client);
            Assert.Equal(200, (await client.GetAsync("/")).Status);
        }

        await server.StopAsync().Within();
        foreach (RawClient client in clients)
        {
            await client.AssertFinAsync();
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_under_load_loses_no_response_that_was_begun(TransportKind transport)
    {
        const int Clients = 16;
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("whole"));
        var warm = new Signal();
        Task[] load = new Task[Clients];
        for (int i = 0; i < Clients; i++)
        {
            RawClient connected = await server.ConnectAsync();
            load[i] = Task.Run(async () =>
            {
                using RawClient client = connected;
                for (int request = 0; ; request++)
                {
                    if (await IsRefusedAsync(client))
                    {
                        return;
                    }

                    Assert.Equal("whole", (await client.ReadReplyAsync()).Text);
                    if (request == 20)
                    {
                        warm.Set();
                    }
                }
            });
        }

        await warm.Task.Within();
        await server.StopAsync().Within();
        await Task.WhenAll(load).Within();
    }

    /// <summary>Sends a request, which may meet the end of an idle connection.</summary>
    private static async Task<bool> IsRefusedAsync(RawClient client)
    {
        try
        {
            await client.SendAsync(RawClient.Get("/"));
            return await client.IsAtEndAsync();
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
