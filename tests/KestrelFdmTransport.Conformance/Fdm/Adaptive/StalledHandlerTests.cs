using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>Handlers that block the thread that serves their loop.</summary>
public sealed class StalledHandlerTests(ITestOutputHelper output) : AdaptiveTest(output)
{
    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task All_others_are_served_hundreds_of_times_while_a_handler_blocks(TransportKind transport)
    {
        const int Others = 63;
        const int Requests = 200;
        using var released = new ManualResetEventSlim();
        TestServer server = await StartAsync(transport, context => BlockIfAsked(context, released));
        List<RawClient> clients = await ConnectAsync(server, Others);
        using RawClient blocked = await server.ConnectAsync();

        // Warm, so that the next one runs inline.
        Assert.Equal(200, (await blocked.GetAsync("/")).Status);
        await blocked.SendAsync(RawClient.Get("/block"));
        await Task.WhenAll(clients.Select(client => RequestAsync(client, Requests)));

        Assert.False(released.IsSet);
        released.Set();
        Assert.Equal(200, (await blocked.ReadReplyAsync()).Status);
        clients.ForEach(client => client.Dispose());
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task No_connection_starves_when_all_block_at_once(TransportKind transport)
    {
        const int Clients = 64;
        TestServer server = await StartAsync(transport, context =>
        {
            Thread.Sleep(10);
            return context.Response.WriteAsync("slept");
        });
        List<RawClient> clients = await ConnectAsync(server, Clients);

        await Task.WhenAll(clients.Select(client => RequestAsync(client, 20)));
        clients.ForEach(client => client.Dispose());
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_handler_may_wait_for_a_request_to_its_own_server(TransportKind transport)
    {
        Uri? url = null;
        using var http = new HttpClient();
        TestServer server = await StartAsync(transport, context =>
        {
            if (context.Request.Path == "/inner")
            {
                return context.Response.WriteAsync("inner");
            }

            // Sync over async, a common mistake.
            return context.Response.WriteAsync("outer of " + http.GetStringAsync(new Uri(url!, "/inner")).Result);
        });
        url = server.HttpUrl;
        List<RawClient> clients = await ConnectAsync(server, 8);

        await Task.WhenAll(clients.Select(async client =>
        {
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal("outer of inner", (await client.GetAsync("/")).Text);
            }
        }));
        clients.ForEach(client => client.Dispose());
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_handler_may_wait_for_bytes_of_another_connection(TransportKind transport)
    {
        var first = new Signal<ConnectionContext>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            ReadResult hello = await connection.Transport.Input.ReadAsync();
            bool waits = hello.Buffer.FirstSpan[0] == (byte)'w';
            connection.Transport.Input.AdvanceTo(hello.Buffer.End);
            if (!waits)
            {
                first.Set(connection);
                await Task.Delay(Timeout.Infinite, connection.ConnectionClosed)
                    .ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }

            // On the loop's thread by now: the bytes of the hello have come just before.
            ConnectionContext other = first.Task.Result;
            ReadResult awaited = other.Transport.Input.ReadAsync().AsTask().Result;
            byte[] bytes = [awaited.Buffer.FirstSpan[0]];
            other.Transport.Input.AdvanceTo(awaited.Buffer.End);
            await connection.Transport.Output.WriteAsync(bytes);
        });
        using RawClient other = await server.ConnectAsync();
        await other.SendAsync("o");
        await first.Task.Within();
        using RawClient waiting = await server.ConnectAsync();
        await waiting.SendAsync("w");
        await other.SendAsync("x");

        Assert.Equal("x", await waiting.ReadTextAsync(1));
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_handler_may_read_its_own_body_synchronously_while_it_comes(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, async context =>
        {
            context.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
            using var reader = new StreamReader(context.Request.Body);
            string body = reader.ReadToEnd();
            await context.Response.WriteAsync(body);
        });
        using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < 5; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n01234");
            await client.SendAsync("56789");
            Assert.Equal("0123456789", (await client.ReadReplyAsync()).Text);
        }
    }

    [Fact]
    public async Task A_full_blocking_pool_does_not_block_what_its_callbacks_wait_for()
    {
        await using ApplicationServer server =
            await ApplicationServer.StartAsync(TransportKind.FdmAdaptiveOneLoop, new ApplicationServerSetup
            {
                Build = builder => builder.Services.Configure<FdmTransportOptions>(
                    options => options.MaxBlockingThreads = 1),
                Map = application => application.Run(context =>
                {
                    context.Features.Get<IHttpBodyControlFeature>()!.AllowSynchronousIO = true;
                    byte[] body = new byte[10];
                    context.Request.Body.ReadExactly(body);
                    return context.Response.Body.WriteAsync(body).AsTask();
                }),
            });
        List<RawClient> clients = [];
        for (int i = 0; i < 8; i++)
        {
            clients.Add(await RawClient.ConnectAsync(server.EndPoint));
        }

        for (int round = 0; round < 5; round++)
        {
            foreach (RawClient client in clients)
            {
                await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n01234");
            }

            foreach (RawClient client in clients)
            {
                await client.SendAsync("56789");
            }

            foreach (RawClient client in clients)
            {
                Assert.Equal("0123456789", (await client.ReadReplyAsync()).Text);
            }
        }

        clients.ForEach(client => client.Dispose());
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task The_server_stops_in_its_time_although_a_handler_never_returns(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        var entered = new Signal();
        var left = new Signal();
        TestServer server = await StartAsync(
            transport,
            context =>
            {
                if (context.Request.Path == "/block")
                {
                    entered.Set();
                    released.Wait(Eventually.Limit);
                    left.Set();
                }

                return Task.CompletedTask;
            },
            new TestServerSetup { ShutdownTimeout = TimeSpan.FromMilliseconds(300), AbortsWhenStopping = true });
        using RawClient client = await server.ConnectAsync();
        Assert.Equal(200, (await client.GetAsync("/")).Status);
        await client.SendAsync(RawClient.Get("/block"));
        await entered.Task.Within();
        using RawClient other = await server.ConnectAsync();
        Assert.Equal(200, (await other.GetAsync("/")).Status);

        await server.StopAsync().Within();
        Assert.False(released.IsSet);
        released.Set();
        await left.Task.Within();
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_FIN_is_noticed_while_the_handler_of_its_connection_blocks(TransportKind transport)
    {
        using var aborted = new ManualResetEventSlim();
        var noticed = new Signal();
        TestServer server = await StartAsync(transport, context =>
        {
            if (context.Request.Path == "/block")
            {
                context.RequestAborted.Register(aborted.Set);
                Assert.True(aborted.Wait(Eventually.Limit));
                noticed.Set();
            }

            return Task.CompletedTask;
        });
        RawClient client = await server.ConnectAsync();
        Assert.Equal(200, (await client.GetAsync("/")).Status);
        await client.SendAsync(RawClient.Get("/block"));
        client.HalfClose();
        await noticed.Task.Within();
        client.Dispose();
    }

    private static async Task<List<RawClient>> ConnectAsync(TestServer server, int count)
    {
        var clients = new List<RawClient>();
        for (int i = 0; i < count; i++)
        {
            clients.Add(await server.ConnectAsync());
        }

        return clients;
    }

    private static async Task RequestAsync(RawClient client, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(200, (await client.GetAsync("/")).Status);
        }
    }

    private static Task BlockIfAsked(HttpContext context, ManualResetEventSlim released)
    {
        if (context.Request.Path == "/block")
        {
            Assert.True(released.Wait(Eventually.Limit));
        }

        return context.Response.WriteAsync("done");
    }
}
