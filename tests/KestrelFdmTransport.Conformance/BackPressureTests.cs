using System;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>
/// Peers and applications that do not keep up. The kernel takes some megabytes, so every body is larger.
/// </summary>
public sealed class BackPressureTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int PauseEvent = 4;
    private const int ResumeEvent = 5;
    private const int Length = 32 * 1024 * 1024;
    private const int MaxBlocks = 2 * 1024 * 1024 / CheckingMemoryPoolFactory.BlockSize;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_does_not_read_holds_the_writer_up(TransportKind transport)
    {
        var held = new Signal();
        var written = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            context.Response.ContentLength = Length;
            byte[] chunk = new byte[16 * 1024];
            for (int offset = 0; offset < Length; offset += chunk.Length)
            {
                BytePattern.Default.Fill(chunk, offset);
                Task write = context.Response.Body.WriteAsync(chunk).AsTask();
                if (!write.IsCompleted)
                {
                    held.Set();
                }

                await write;
            }

            written.Set();
        });
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync(RawClient.Get("/"));
        await held.Task.Within();
        Assert.False(written.Task.IsCompleted);
        Assert.InRange(server.Pool.Peak, 1, MaxBlocks);

        await client.ReadHeadAsync();
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await written.Task.Within();
        Assert.InRange(server.Pool.Peak, 1, MaxBlocks);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_that_does_not_read_holds_the_client_up(TransportKind transport)
    {
        var mayRead = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            await mayRead.Task;
            await Handlers.HashBody(context);
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        Task sending = client.SendPatternAsync(Length);
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        Assert.False(sending.IsCompleted);
        Assert.InRange(server.Pool.Peak, 1, MaxBlocks);

        mayRead.Set();
        await sending.Within();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
        await server.Logs.FindTransportEventAsync(ResumeEvent).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Both_directions_of_an_echo_may_be_held_up_at_once(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, Handlers.EchoRaw);
        using RawClient client = await server.ConnectAsync();

        // The client reads only once its sending is held up.
        Task sending = client.SendPatternAsync(Length);
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        Assert.False(sending.IsCompleted);
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await sending.Within();
        client.HalfClose();
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_ends_a_write_that_is_held_up(TransportKind transport)
    {
        var held = new Signal<Action>();
        var ended = new Signal<FlushResult>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            byte[] chunk = new byte[64 * 1024];
            FlushResult result;
            do
            {
                ValueTask<FlushResult> flush = connection.Transport.Output.WriteAsync(chunk);
                if (!flush.IsCompleted)
                {
                    held.Set(connection.Abort);
                }

                result = await flush;
            }
            while (!result.IsCompleted);
            ended.Set(result);
        });
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        Action abort = await held.Task.Within();
        abort();
        await ended.Task.Within();
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_misses_the_minimum_data_rate_is_reset(TransportKind transport)
    {
        var aborted = new Signal();
        var setup = new TestServerSetup
        {
            Kestrel = kestrel => kestrel.Limits.MinResponseDataRate =
                new MinDataRate(bytesPerSecond: 1024 * 1024 * 1024, gracePeriod: TimeSpan.FromSeconds(1.1)),
        };
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.RequestAborted.Register(aborted.Set);
                await Handlers.SendPattern(context, Length);
            },
            setup);
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync(RawClient.Get("/"));
        await aborted.Task.Within();
        await client.AssertResetAsync();
    }
}
