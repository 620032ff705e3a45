using System;
using System.Net.Http;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>User code that blocks, other than a handler.</summary>
public sealed class StalledElsewhereTests(ITestOutputHelper output) : AdaptiveTest(output)
{
    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_handshake_that_blocks_delays_no_other_connection(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        bool block = false;
        TestServer server = await StartAsync(
            transport,
            Handlers.EchoBody,
            new TestServerSetup
            {
                Listen = listen => listen.UseHttps(https => https.ServerCertificateSelector = (_, _) =>
                {
                    if (Interlocked.Exchange(ref block, false))
                    {
                        Assert.True(released.Wait(Eventually.Limit));
                    }

                    return s_certificate.Value;
                }),
            });
        using HttpClient first = TrustingClient();
        Assert.Empty(await first.GetStringAsync(HttpsUrl(server)).Within());

        Volatile.Write(ref block, true);
        using HttpClient blocked = TrustingClient();
        Task<string> waiting = blocked.GetStringAsync(HttpsUrl(server));
        await Eventually.UntilAsync(() => !Volatile.Read(ref block));
        for (int i = 0; i < 20; i++)
        {
            using HttpClient other = TrustingClient();
            Assert.Empty(await other.GetStringAsync(HttpsUrl(server)).Within());
        }

        Assert.False(waiting.IsCompleted);
        released.Set();
        Assert.Empty(await waiting.Within());
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_WebSocket_loop_that_blocks_delays_no_other_connection(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                if (!context.WebSockets.IsWebSocketRequest)
                {
                    return;
                }

                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                byte[] buffer = new byte[100];
                while (true)
                {
                    WebSocketReceiveResult received = await socket.ReceiveAsync(buffer, CancellationToken.None);
                    if (received.MessageType == WebSocketMessageType.Close)
                    {
                        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                        return;
                    }

                    Assert.True(released.Wait(Eventually.Limit));
                    await socket.SendAsync(
                        buffer.AsMemory(0, received.Count), WebSocketMessageType.Binary, true, CancellationToken.None);
                }
            },
            new TestServerSetup { Pipeline = application => application.UseWebSockets() });
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}"), CancellationToken.None).Within();
        await client.SendAsync(new byte[] { 7 }, WebSocketMessageType.Binary, true, CancellationToken.None).Within();

        using RawClient other = await server.ConnectAsync();
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(200, (await other.GetAsync("/")).Status);
        }

        released.Set();
        byte[] echo = new byte[10];
        Assert.Equal(1, (await client.ReceiveAsync(echo, CancellationToken.None).Within()).Count);
        Assert.Equal(7, echo[0]);
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Within();
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_callback_of_ConnectionClosed_that_blocks_delays_no_other_connection(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        var entered = new Signal();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            byte first = (await connection.Transport.Input.ReadAsync()).Buffer.FirstSpan[0];
            if (first == (byte)'b')
            {
                connection.ConnectionClosed.Register(() =>
                {
                    entered.Set();
                    Assert.True(released.Wait(Eventually.Limit));
                });
            }

            await connection.Transport.Output.WriteAsync(new byte[] { first });
        });
        using RawClient blocked = await server.ConnectAsync();
        await blocked.SendAsync("b");
        await blocked.ReadToEndAsync();
        await entered.Task.Within();
        for (int i = 0; i < 50; i++)
        {
            using RawClient other = await server.ConnectAsync();
            await other.SendAsync("o");
            Assert.Equal("o"u8.ToArray(), await other.ReadToEndAsync());
        }

        released.Set();
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_connection_middleware_that_blocks_delays_no_other_connection(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        TestServer server = await StartAsync(
            transport,
            Handlers.EchoBody,
            new TestServerSetup
            {
                Listen = listen => listen.Use(next => async connection =>
                {
                    byte first = await PeekAsync(connection);
                    if (first == (byte)'P')
                    {
                        Assert.True(released.Wait(Eventually.Limit));
                    }

                    await next(connection);
                }),
            });
        using RawClient blocked = await server.ConnectAsync();
        await blocked.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi");
        for (int i = 0; i < 20; i++)
        {
            using RawClient other = await server.ConnectAsync();
            Assert.Equal(200, (await other.GetAsync("/")).Status);
        }

        released.Set();
        Assert.Equal("hi", (await blocked.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_logger_that_blocks_delays_no_other_connection(TransportKind transport)
    {
        using var gate = new GateLogger();
        await using ApplicationServer server = await ApplicationServer.StartAsync(transport, new ApplicationServerSetup
        {
            Build = builder => builder.Logging.AddProvider(gate),
            Map = application => application.Run(_ => Task.CompletedTask),
        });
        using RawClient served = await RawClient.ConnectAsync(server.EndPoint);
        Assert.Equal(200, (await served.GetAsync("/")).Status);

        gate.Close();
        using RawClient leaving = await RawClient.ConnectAsync(server.EndPoint);
        leaving.HalfClose();
        await gate.Entered.Within();

        // No line is written for a request on a connection that is there already.
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(200, (await served.GetAsync("/")).Status);
        }

        gate.Open();
    }

    [Theory, MemberData(nameof(OnAdaptive))]
    public async Task A_flush_of_another_connection_leaves_while_the_callback_goes_on(TransportKind transport)
    {
        using var arrived = new ManualResetEventSlim();
        var listener = new Signal<ConnectionContext>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            byte first = (await connection.Transport.Input.ReadAsync()).Buffer.FirstSpan[0];
            if (first == (byte)'l')
            {
                listener.Set(connection);
                await Task.Delay(Timeout.Infinite, connection.ConnectionClosed)
                    .ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }

            await (await listener.Task).Transport.Output.WriteAsync("news"u8.ToArray());
            Assert.True(arrived.Wait(Eventually.Limit));
        });
        using RawClient hearing = await server.ConnectAsync();
        await hearing.SendAsync("l");
        await listener.Task.Within();
        using RawClient telling = await server.ConnectAsync();
        await telling.SendAsync("t");

        Assert.Equal("news", await hearing.ReadTextAsync(4));
        arrived.Set();
        await telling.ReadToEndAsync();
    }

    private static readonly Lazy<System.Security.Cryptography.X509Certificates.X509Certificate2> s_certificate = new(
        SelfSignedCertificate.Create);

    private static Uri HttpsUrl(TestServer server) => new($"https://localhost:{server.EndPoint.Port}");

    private static HttpClient TrustingClient()
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        return new HttpClient(handler);
    }

    private static async Task<byte> PeekAsync(ConnectionContext connection)
    {
        System.IO.Pipelines.ReadResult result = await connection.Transport.Input.ReadAsync();
        byte first = result.Buffer.FirstSpan[0];
        connection.Transport.Input.AdvanceTo(result.Buffer.Start);
        return first;
    }
}
