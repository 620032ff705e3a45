using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

/// <summary>HTTP/2 frame by frame: what a well-behaved client library would hide.</summary>
public sealed class Http2FrameTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int InitialWindow = 65_535;
    private const int Cancel = 8;

    [Theory, MemberData(nameof(OnAll))]
    public async Task A_client_reset_aborts_all_fifty_streams(TransportKind transport)
    {
        const int Streams = 50;
        using var running = new SemaphoreSlim(0);
        using var aborted = new SemaphoreSlim(0);
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            var cancelled = new Signal();
            context.RequestAborted.Register(cancelled.Set);
            running.Release();
            await cancelled.Task;
            aborted.Release();
        });
        using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);

        for (int i = 0; i < Streams; i++)
        {
            await client.SendRequestAsync((2 * i) + 1, "/", hasBody: i % 2 == 0);
        }

        await AllAsync(running, Streams);
        client.Connection.Reset();
        await AllAsync(aborted, Streams);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_stream_that_the_client_resets_is_aborted_and_no_other(TransportKind transport)
    {
        using var running = new SemaphoreSlim(0);
        var aborted = new Signal<string>();
        var goOn = new Signal();
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            context.RequestAborted.Register(() => aborted.Set(context.Request.Path.Value!));
            running.Release();
            await goOn.Task;
            await context.Response.WriteAsync("still here");
        });
        using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);

        await client.SendRequestAsync(1, "/one");
        await client.SendRequestAsync(3, "/three");
        await AllAsync(running, 2);
        await client.SendResetAsync(1, Cancel);
        Assert.Equal("/one", await aborted.Task.Within());
        goOn.Set();
        IReadOnlyList<Http2Frame> frames = await client.ReadUntilAsync(frame => frame.EndsStream);
        Assert.All(frames, frame => Assert.NotEqual(1, frame.StreamId));
        Assert.Equal("still here"u8.ToArray(), Bytes(frames, 3));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_stream_without_a_window_holds_no_other_stream_up(TransportKind transport)
    {
        const int Large = 4 * InitialWindow;
        byte[] body = BytePattern.Default.Create(Large / 8 * 8);
        var written = new Signal();
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            await context.Response.Body.WriteAsync(context.Request.Path == "/large" ? body : "small"u8.ToArray());
            if (context.Request.Path == "/large")
            {
                written.Set();
            }
        });
        using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);

        // The connection has room for everything, stream 1 for a window's worth.
        await client.SendWindowUpdateAsync(0, 64 * InitialWindow);
        await client.SendRequestAsync(1, "/large");
        var large = new List<Http2Frame>();
        while (Bytes(large, 1).Length < InitialWindow)
        {
            large.Add(await client.ReadAsync() ?? throw new EndOfStreamException());
        }

        for (int streamId = 3; streamId < 23; streamId += 2)
        {
            await client.SendRequestAsync(streamId, "/small");
            IReadOnlyList<Http2Frame> frames = await client.ReadUntilAsync(frame => frame.EndsStream);
            Assert.Equal("small"u8.ToArray(), Bytes(frames, streamId));
            Assert.Empty(Bytes(frames, 1));
        }

        Assert.False(written.Task.IsCompleted);
        await client.SendWindowUpdateAsync(1, 4 * InitialWindow);
        large.AddRange(await client.ReadUntilAsync(frame => frame.EndsStream));
        Assert.True(body.AsSpan().SequenceEqual(Bytes(large, 1)));
        await written.Task.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_unread_body_holds_no_other_stream_up(TransportKind transport)
    {
        var goOn = new Signal();
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            if (context.Request.Path == "/slow")
            {
                await goOn.Task;
            }

            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.WriteAsync($"{body.Length}");
        });
        using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);

        // Half of the connection's window of 128 KiB lies unread in stream 1.
        await client.SendRequestAsync(1, "/slow", hasBody: true);
        await client.SendDataAsync(1, BytePattern.Default.Create(InitialWindow / 8 * 8), isLast: true);
        for (int streamId = 3; streamId < 43; streamId += 2)
        {
            await client.SendRequestAsync(streamId, "/quick", hasBody: true);
            await client.SendDataAsync(streamId, BytePattern.Default.Create(InitialWindow / 2 / 8 * 8), isLast: true);
            IReadOnlyList<Http2Frame> frames = await client.ReadUntilAsync(frame => frame.EndsStream);
            Assert.Equal("32760"u8.ToArray(), Bytes(frames, streamId));
        }

        goOn.Set();
        Assert.Equal("65528"u8.ToArray(), Bytes(await client.ReadUntilAsync(frame => frame.EndsStream), 1));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_graceful_stop_says_GOAWAY_finishes_the_streams_and_answers_FIN_with_FIN(TransportKind transport)
    {
        var running = new Signal();
        var goOn = new Signal();
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            running.Set();
            await goOn.Task;
            await context.Response.WriteAsync("finished");
        });
        using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);

        await client.SendRequestAsync(1, "/");
        await running.Task.Within();
        Task stop = server.StopAsync();
        Http2Frame goAway = Assert.Single(await client.ReadUntilAsync(frame => frame.Type == Http2FrameType.GoAway));
        Assert.Equal($"GOAWAY last {int.MaxValue} error 0", goAway.ToString());
        Assert.False(stop.IsCompleted);
        goOn.Set();
        Assert.Equal("finished"u8.ToArray(), Bytes(await client.ReadUntilAsync(frame => frame.EndsStream), 1));
        // Kestrel leaves it to the client to hang up. Whether a last GOAWAY comes before its FIN is chance on every
        // transport.
        client.Connection.HalfClose();
        Assert.DoesNotContain(await client.ReadToEndAsync(), frame => frame.Type != Http2FrameType.GoAway);
        await stop.Within();
    }

    private static byte[] Bytes(IEnumerable<Http2Frame> frames, int streamId) =>
    [
        .. frames.Where(frame => frame.Type == Http2FrameType.Data && frame.StreamId == streamId).SelectMany(
            frame => frame.Payload),
    ];

    private static async Task AllAsync(SemaphoreSlim signals, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.True(await signals.WaitAsync(Eventually.Limit), $"Only {i} of {count}.");
        }
    }

    private Task<TestServer> StartHttp2Async(TransportKind transport, RequestDelegate handler) => StartAsync(
        transport,
        handler,
        new TestServerSetup { Listen = options => options.Protocols = HttpProtocols.Http2 });
}
