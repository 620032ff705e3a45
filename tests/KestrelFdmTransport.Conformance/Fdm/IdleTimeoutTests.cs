using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Fdm.Client;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// Connections without traffic. Cases in which one must last keep it beside another that must end: when that has ended,
/// the time has passed.
/// </summary>
[Trait("Category", "Slow")]
public sealed class IdleTimeoutTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int TimedOut = 39;

    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(100);

    /// <summary>Long enough for a busy machine to move a byte meanwhile.</summary>
    private static readonly TimeSpan s_fair = TimeSpan.FromSeconds(3);

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_silent_connection_is_aborted_for_all_sides(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport, options => options.IdleTimeout = s_fair);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await AcceptAsync(listener);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.ConnectionClosed.Register(closed.SetResult);

        ConnectionAbortedException failure = await AssertTimesOutAsync(connection);
        Assert.Equal("The connection was idle for 00:00:03: no byte was received or sent.", failure.Message);
        await closed.Task.Within("ConnectionClosed");
        await client.AssertResetAsync();
        LogEntry entry = await harness.Logs.FindTransportEventAsync(TimedOut).Within("the log event");
        Assert.Equal(LogLevel.Debug, entry.Level);
        Assert.Equal(
            $"Connection id \"{connection.ConnectionId}\" timed out: no byte was received or sent for 00:00:03.",
            entry.Message);
        Assert.Equal(1, harness.Factory.GetLoopStatistics().Sum(loop => loop.IdleTimeouts));

        await connection.DisposeAsync().Within();
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_connection_that_only_receives_or_only_sends_lasts(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport, options => options.IdleTimeout = s_fair);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient talker = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext talked = await AcceptAsync(listener);
        using RawClient hearer = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext heard = await AcceptAsync(listener);
        using RawClient mute = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext silent = await AcceptAsync(listener);

        Task<ConnectionAbortedException> ending = AssertTimesOutAsync(silent);
        while (!ending.IsCompleted)
        {
            await talker.SendAsync("x");
            Assert.Equal("x", await talked.ReadTextAsync(1));
            await heard.WriteTextAsync("y");
            Assert.Equal("y", await hearer.ReadTextAsync(1));
            await Task.WhenAny(ending, Task.Delay(20));
        }

        await ending;
        Assert.Equal(1, harness.Factory.GetLoopStatistics().Sum(loop => loop.IdleTimeouts));
        await EndAsync(listener, talked, heard, silent);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_connection_may_have_a_timeout_of_its_own(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient first = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext patient = await AcceptAsync(listener);
        using RawClient second = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext strict = await AcceptAsync(listener);
        Assert.Equal(Timeout.InfiniteTimeSpan, Feature(strict).IdleTimeout);
        Assert.Equal(Timeout.InfiniteTimeSpan, Feature(strict).IdleTimeRemaining);

        // Longer ones first: the last word counts.
        Feature(strict).IdleTimeout = TimeSpan.FromDays(24);
        Assert.InRange(Feature(strict).IdleTimeRemaining, TimeSpan.FromDays(23), TimeSpan.FromDays(24));
        Feature(strict).IdleTimeout = TimeSpan.FromMinutes(10);
        Feature(strict).IdleTimeout = s_short;
        Assert.Equal(s_short, Feature(strict).IdleTimeout);

        await AssertTimesOutAsync(strict);
        await AssertAliveAsync(first, patient);
        await EndAsync(listener, patient, strict);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_timeout_may_be_taken_away(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport, options => options.IdleTimeout = s_fair);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient first = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext free = await AcceptAsync(listener);
        Assert.Equal(s_fair, Feature(free).IdleTimeout);
        Feature(free).IdleTimeout = Timeout.InfiniteTimeSpan;
        using RawClient second = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext bound = await AcceptAsync(listener);

        await AssertTimesOutAsync(bound);
        await AssertAliveAsync(first, free);
        await EndAsync(listener, free, bound);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_timeout_outside_its_range_is_refused(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await AcceptAsync(listener);

        foreach (TimeSpan wrong
            in new[] { TimeSpan.Zero, TimeSpan.FromMilliseconds(99), TimeSpan.FromSeconds(-1), TimeSpan.FromDays(25) })
        {
            ArgumentOutOfRangeException failure = Assert.Throws<ArgumentOutOfRangeException>(
                () => Feature(connection).IdleTimeout = wrong);
            Assert.Contains(
                "IdleTimeout; allowed: 00:00:00.1000000 (100 ms)", failure.Message, StringComparison.Ordinal);
        }

        Assert.Equal(Timeout.InfiniteTimeSpan, Feature(connection).IdleTimeout);
        await EndAsync(listener, connection);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_client_that_takes_nothing_is_aborted_though_it_goes_on_sending(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport, options => options.MaxReadBufferSize = 4096);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint, receiveBufferSize: 4096);
        ConnectionContext connection = await AcceptAsync(listener);
        Feature(connection).IdleTimeout = s_short;
        Task sending = client.SendPatternAsync(long.MaxValue);

        // More than all buffers take; after that neither side moves a byte.
        byte[] chunk = new byte[64 * 1024];
        FlushResult flushed = default;
        while (!flushed.IsCompleted)
        {
            flushed = await connection.Transport.Output.WriteAsync(chunk).Within("the end of the output");
        }

        await harness.Logs.FindTransportEventAsync(TimedOut).Within("the log event");
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => sending.Within("the client's error"));
        await EndAsync(listener, connection);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_client_whose_bytes_wait_for_the_application_lasts(TransportKind transport)
    {
        const int Length = 16 * 1024 * 1024;
        FdmHarness harness = CreateHarness(transport, options =>
        {
            options.IdleTimeout = s_fair;
            options.MaxReadBufferSize = 4096;
        });
        IConnectionListener listener = await harness.BindAsync();
        using RawClient sender = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext slow = await AcceptAsync(listener);
        Task sending = sender.SendPatternAsync(Length);
        await harness.Logs.FindTransportEventAsync(4).Within("the pause");

        using RawClient mute = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext silent = await AcceptAsync(listener);
        await AssertTimesOutAsync(silent);
        Assert.Equal(1, harness.Factory.GetLoopStatistics().Sum(loop => loop.IdleTimeouts));

        for (long read = 0; read < Length;)
        {
            ReadResult result = await slow.Transport.Input.ReadAsync().AsTask().Within("the client's bytes");
            read += result.Buffer.Length;
            slow.Transport.Input.AdvanceTo(result.Buffer.End);
        }

        await sending.Within();
        await EndAsync(listener, slow, silent);
    }

    [Theory]
    [InlineData(TransportKind.Fdm)]
    [InlineData(TransportKind.FdmAdaptiveOneLoop)]
    [InlineData(TransportKind.FdmThreadPoolOneLoop)]
    public async Task A_connection_inside_a_callback_that_blocks_is_aborted_meanwhile(TransportKind transport)
    {
        using var released = new ManualResetEventSlim();
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await AcceptAsync(listener);
        Task handling = Task.Run(async () =>
        {
            ReadResult result = await connection.Transport.Input.ReadAsync();
            Feature(connection).IdleTimeout = s_short;
            released.Wait();
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            await connection.Transport.Input.ReadAsync();
        });

        await client.SendAsync("x");
        await client.AssertResetAsync();
        Assert.False(handling.IsCompleted);
        released.Set();
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => handling.Within());
        await EndAsync(listener, connection);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Thousands_that_time_out_at_once_all_end(TransportKind transport)
    {
        const int Connections = 1_000;
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        var clients = new List<RawClient>();
        var connections = new List<ConnectionContext>();
        for (int i = 0; i < Connections; i++)
        {
            clients.Add(await RawClient.ConnectAsync(listener.EndPoint));
            connections.Add(await AcceptAsync(listener));
        }

        foreach (ConnectionContext connection in connections)
        {
            Feature(connection).IdleTimeout = s_short;
        }

        foreach (ConnectionContext connection in connections)
        {
            await AssertTimesOutAsync(connection);
        }

        Assert.Equal(Connections, harness.Factory.GetLoopStatistics().Sum(loop => loop.IdleTimeouts));
        clients.ForEach(client => client.Dispose());
        await EndAsync(listener, [.. connections]);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_outgoing_connection_has_a_timeout_only_if_it_is_given_one(TransportKind transport)
    {
        var client = new FdmClient(transport, options => options.IdleTimeout = s_short);
        CheckAfterwards(client, client.Logs);
        FdmHarness server = CreateHarness(transport);
        IConnectionListener listener = await server.BindAsync();
        ConnectionContext outgoing = await client.Factory.ConnectAsync(listener.EndPoint).Within("a connection");
        ConnectionContext accepted = await AcceptAsync(listener);

        Assert.Equal(Timeout.InfiniteTimeSpan, Feature(outgoing).IdleTimeout);
        Feature(outgoing).IdleTimeout = s_short;
        await AssertTimesOutAsync(outgoing);

        await outgoing.DisposeAsync().Within();
        await EndAsync(listener, accepted);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task An_unused_HTTP_connection_ends(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, context =>
        {
            IFdmConnectionFeature feature = context.Features.GetRequiredFeature<IFdmConnectionFeature>();
            feature.IdleTimeout = s_short;
            return context.Response.WriteAsync("hello");
        });
        using RawClient client = await server.ConnectAsync();
        Assert.Equal("hello", (await client.GetAsync("/")).Text);

        await client.AssertResetAsync();
        await server.Logs.FindTransportEventAsync(TimedOut).Within("the log event");
    }

    private static IFdmConnectionFeature Feature(ConnectionContext connection)
        => connection.Features.GetRequiredFeature<IFdmConnectionFeature>();

    private static async Task<ConnectionAbortedException> AssertTimesOutAsync(ConnectionContext connection)
    {
        ConnectionAbortedException failure = await Assert.ThrowsAsync<ConnectionAbortedException>(
            () => connection.Transport.Input.ReadAsync().AsTask().Within("the timeout"));
        Assert.IsType<TimeoutException>(failure.InnerException);
        return failure;
    }

    private static async Task AssertAliveAsync(RawClient client, ConnectionContext connection)
    {
        await client.SendAsync("ping");
        Assert.Equal("ping", await connection.ReadTextAsync(4));
        await connection.WriteTextAsync("pong");
        Assert.Equal("pong", await client.ReadTextAsync(4));
    }

    private static async Task EndAsync(IConnectionListener listener, params ConnectionContext[] connections)
    {
        foreach (ConnectionContext connection in connections)
        {
            await connection.DisposeAsync().Within();
        }

        await listener.DisposeAsync().Within();
    }

    private static async Task<ConnectionContext> AcceptAsync(IConnectionListener listener)
        => Assert.IsAssignableFrom<ConnectionContext>(await listener.AcceptAsync().Within("an accepted connection"));

    private FdmHarness CreateHarness(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        var harness = new FdmHarness(transport, configure);
        CheckAfterwards(harness, harness.Logs);
        return harness;
    }
}
