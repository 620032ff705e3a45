using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Requests;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>
/// How far the transport reads ahead of the application. That all blocks come back is checked after every case.
/// </summary>
[Trait("Category", "Slow")]
public sealed class MaxRequestBufferSizeTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int PauseEvent = 4;
    private const int ResumeEvent = 5;

    /// <summary>More than the buffers of the kernel and the largest limit below.</summary>
    private const int Length = 24 * 1024 * 1024;

    private const int Megabyte = 1024 * 1024;

    public static TheoryData<TransportKind, long, bool> LimitsThatHold => Cases.Cross(
        OnBoth,
        [16L, 16 * 1024, Megabyte, 5 * Megabyte],
        [false, true]);

    public static TheoryData<TransportKind, long?, bool> LimitsThatDoNotHold => Cases.Cross(
        OnBoth,
        new long?[] { (100L * Megabyte) - 1, 100 * Megabyte, long.MaxValue, null },
        [false, true]);

    [Theory, MemberData(nameof(LimitsThatHold))]
    public async Task A_limit_below_the_upload_stops_the_client_until_the_application_reads(
        TransportKind transport,
        long limit,
        bool passThrough)
    {
        var mayRead = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await mayRead.Task;
                await Handlers.HashBody(context);
            },
            Setup(limit, passThrough));
        using RawClient client = await server.ConnectAsync();

        Task sending = SendAsync(client);
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        Assert.False(sending.IsCompleted);
        // The limit, what the kernel gave with the last bytes, and what an adapter and Kestrel keep for themselves.
        Assert.InRange(server.Pool.Peak, 0, (limit + 256 * 1024) / CheckingMemoryPoolFactory.BlockSize);

        mayRead.Set();
        await sending.Within();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
        await server.Logs.FindTransportEventAsync(ResumeEvent).Within();
    }

    [Theory, MemberData(nameof(LimitsThatDoNotHold))]
    public async Task Without_a_limit_below_the_upload_the_client_is_not_stopped(
        TransportKind transport,
        long? limit,
        bool passThrough)
    {
        var mayRead = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await mayRead.Task;
                await Handlers.HashBody(context);
            },
            Setup(limit, passThrough));
        using RawClient client = await server.ConnectAsync();

        await SendAsync(client).Within();
        Assert.DoesNotContain(server.Logs.Entries, entry => entry.IsFromTransport && entry.Id.Id == PauseEvent);

        mayRead.Set();
        Assert.Equal(BytePattern.Default.Hash(Length), (await client.ReadReplyAsync()).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_ends_an_upload_that_the_limit_holds_up(TransportKind transport)
    {
        // Out here it keeps the request alive: Kestrel and Sockets hold a paused connection by weak references only.
        var aborted = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                context.RequestAborted.Register(aborted.Set);
                await aborted.Task;
            },
            new TestServerSetup
            {
                Transport = new TransportSettings { MaxReadBufferSize = new BufferLimit(16 * 1024) },
                ShutdownTimeout = TimeSpan.FromSeconds(0.5),
                AbortsWhenStopping = true,
            });
        using RawClient client = await server.ConnectAsync();

        Task sending = SendAsync(client);
        await server.Logs.FindTransportEventAsync(PauseEvent).Within();
        await server.StopAsync().Within();
        Assert.NotNull(await Record.ExceptionAsync(() => sending.Within("the end of the sending")));
        await aborted.Task.Within();
    }

    private static TestServerSetup Setup(long? limit, bool passThrough) => new()
    {
        Listen = passThrough ? PassThrough.Use : null,
        Transport = new TransportSettings { MaxReadBufferSize = new BufferLimit(limit) },
    };

    private static async Task SendAsync(RawClient client)
    {
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        await client.SendPatternAsync(Length);
    }
}
