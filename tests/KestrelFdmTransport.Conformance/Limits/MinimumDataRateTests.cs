using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>
/// Clients that are too slow, and clients that are just fast enough. Kestrel looks once a second and wants a grace
/// period of more than a second, so these cases take that long.
/// </summary>
[Trait("Category", "Slow")]
public sealed class MinimumDataRateTests(ITestOutputHelper output) : TransportTest(output)
{
    private const string ResponseRateMissed = "ResponseMinimumDataRateNotSatisfied";
    private const string RequestRateMissed = "RequestBodyMinimumDataRateNotSatisfied";
    private const int Length = 32 * 1024 * 1024;
    private const double SteadyRate = 1024 * 1024;
    private const int MostCut = 2;
    private const int PauseEvent = 4;
    private const int WriteRstEvent = 8;

    private static readonly TimeSpan s_gracePeriod = TimeSpan.FromSeconds(1.01);
    private static readonly TimeSpan s_longerThanTheGracePeriod = TimeSpan.FromSeconds(2.2);
    private static readonly MinDataRate s_noneReaches = new(bytesPerSecond: 1024 * 1024 * 1024, s_gracePeriod);

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_TLS_client_that_does_not_read_is_reset(TransportKind transport)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        var aborted = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.RequestAborted.Register(aborted.Set);
                await Handlers.SendPattern(context, Length);
            },
            new TestServerSetup
            {
                Listen = options => options.UseHttps(certificate),
                Kestrel = kestrel => kestrel.Limits.MinResponseDataRate = s_noneReaches,
            });
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveBufferSize = 16 * 1024
        };
        await socket.ConnectAsync(server.EndPoint).Within();
        await using var tls = new SslStream(
            new NetworkStream(socket),
            leaveInnerStreamOpen: true,
            (_, presented, _, _) => certificate.Equals(presented));

        await tls.AuthenticateAsClientAsync("localhost").Within();
        await tls.WriteAsync(Encoding.ASCII.GetBytes(RawClient.Get("/")));
        await aborted.Task.Within();
        await server.Logs.FindAsync(entry => entry.Is(ResponseRateMissed)).Within();
        await server.Logs.FindTransportEventAsync(WriteRstEvent).Within();

        byte[] buffer = new byte[64 * 1024];
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (await socket.ReceiveAsync(buffer).Within() != 0)
            {
            }
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_connection_with_both_directions_held_up_is_reset(TransportKind transport)
    {
        var aborted = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.RequestAborted.Register(aborted.Set);
                await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(context.Response.Body));
            },
            new TestServerSetup { Kestrel = kestrel => kestrel.Limits.MinResponseDataRate = s_noneReaches });
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {8L * Length}\r\n\r\n");
        Task<Exception> sending = Record.ExceptionAsync(() => client.SendPatternAsync(8L * Length));
        await aborted.Task.Within();
        await server.Logs.FindAsync(entry => entry.Is(ResponseRateMissed)).Within();
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        await server.Logs.FindTransportEventAsync(WriteRstEvent).Within();
        Assert.IsType<SocketException>(await sending.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_body_that_stops_coming_is_answered_with_408_and_FIN(TransportKind transport)
    {
        var failure = new Signal<Exception>();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                Exception thrown = await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null));
                failure.Set(thrown);
                throw thrown;
            },
            new TestServerSetup
            {
                Kestrel = kestrel => kestrel.Limits.MinRequestBodyDataRate = s_noneReaches,
                ExpectedError = "ApplicationError",
            });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
        Assert.Equal(408, (await client.ReadReplyAsync()).Status);
        await client.AssertFinAsync();
        Exception thrown = await failure.Task.Within();
        Assert.Equal(
            408,
            Assert.IsAssignableFrom<Microsoft.AspNetCore.Http.BadHttpRequestException>(thrown).StatusCode);
        Assert.Contains(server.Logs.Entries, entry => entry.Is(RequestRateMissed));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_application_that_swallows_the_408_does_not_keep_the_connection(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null));
                await context.Response.WriteAsync("swallowed");
            },
            new TestServerSetup
            {
                Kestrel = kestrel => kestrel.Limits.MinRequestBodyDataRate = s_noneReaches,
                ExpectedError = TestServerSetup.DrainError,
            });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
        Assert.Equal("swallowed", (await client.ReadReplyAsync()).Text);
        await client.AssertFinAsync();
        Assert.Contains(server.Logs.Entries, entry => entry.Is(RequestRateMissed));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task What_the_application_does_not_read_is_not_held_against_the_client(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await Task.Delay(s_longerThanTheGracePeriod);
                await Handlers.HashBody(context);
            },
            new TestServerSetup
            {
                Kestrel = kestrel => kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(1024, s_gracePeriod),
            });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        Task sending = client.SendPatternAsync(Length);
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        await sending.Within();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
        Assert.DoesNotContain(server.Logs.Entries, entry => entry.Is(RequestRateMissed));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_slow_and_steady_reader_of_large_chunks_is_not_cut(TransportKind transport)
    {
        const int Parts = 16;
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.Response.ContentLength = Length;
                byte[] chunk = new byte[Length / Parts];
                for (int i = 0; i < Parts; i++)
                {
                    BytePattern.Default.Fill(chunk, (long)i * chunk.Length);
                    await context.Response.Body.WriteAsync(chunk);
                }
            },
            SteadySetup());

        await AssertNotCutAsync(server, Length, async client =>
        {
            await client.SendAsync(RawClient.Get("/"));
            await client.ReadHeadAsync();
            byte[] body = await ReadSlowlyAsync(client, Length, Parts);
            Assert.True(body.AsSpan().SequenceEqual(BytePattern.Default.Create(Length)));
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_slow_and_steady_reader_of_large_headers_is_not_cut(TransportKind transport)
    {
        const int HeaderLength = 1024 * 1024;
        const int Requests = 16;
        string value = new('a', HeaderLength);
        TestServer server = await StartAsync(
            transport,
            context =>
            {
                context.Response.Headers["X-Large"] = value;
                return Task.CompletedTask;
            },
            SteadySetup());

        await AssertNotCutAsync(server, Requests * HeaderLength, async client =>
        {
            for (int i = 0; i < Requests; i++)
            {
                await client.SendAsync(RawClient.Get("/"));
            }

            await ReadSlowlyAsync(client, Requests * HeaderLength, Requests);
        });
    }

    /// <summary>
    /// Through so small a receive buffer the kernel now and then delivers no faster than it delays acknowledgements,
    /// which is below the rate. Such a client is cut rightly, and says nothing.
    /// </summary>
    private static async Task AssertNotCutAsync(TestServer server, int length, Func<RawClient, Task> readAsync)
    {
        int cut = 0;
        bool done = false;
        while (!done)
        {
            using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);
            long started = Stopwatch.GetTimestamp();
            try
            {
                await readAsync(client);
                done = true;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(started).TotalSeconds > length / SteadyRate
                && cut < MostCut)
            {
                cut++;
            }
        }

        Assert.Equal(cut, server.Logs.Entries.Count(entry => entry.Is(ResponseRateMissed)));
    }

    /// <summary>A rate at which all takes ten times as long as the client does.</summary>
    private static TestServerSetup SteadySetup()
        => new()
        {
            Kestrel = kestrel => kestrel.Limits.MinResponseDataRate = new MinDataRate(
            SteadyRate,
            s_gracePeriod)
        };

    /// <summary>Takes longer than the grace period in all, which is what these cases are about.</summary>
    private static async Task<byte[]> ReadSlowlyAsync(RawClient client, int length, int parts)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < parts; i++)
        {
            await Task.Delay(s_longerThanTheGracePeriod / parts);
            (await client.ReadExactlyAsync(length / parts)).CopyTo(bytes, i * (length / parts));
        }

        return bytes;
    }
}
