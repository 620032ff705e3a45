using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>Connections that this process opens.</summary>
public sealed class ConnectionFactoryTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task What_a_client_sends_over_TCP_comes_back(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, Handlers.EchoRaw);
        FdmClient client = CreateClient(transport);

        ConnectionContext connection = await client.Factory.ConnectAsync(server.EndPoint).Within();
        Assert.Equal(server.EndPoint, connection.RemoteEndPoint);
        Assert.Equal(IPAddress.Loopback, Assert.IsType<IPEndPoint>(connection.LocalEndPoint).Address);
        await EchoAsync(connection, 3_000_000);
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task What_a_client_sends_over_a_Unix_socket_comes_back(TransportKind transport)
    {
        string path = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
        TestServer server = await StartAsync(
            transport,
            _ => Task.CompletedTask,
            new TestServerSetup
            {
                EndPoints = [new UnixDomainSocketEndPoint(path)],
                Listen = options => options.Run(Handlers.EchoRaw),
            });
        FdmClient client = CreateClient(transport);

        ConnectionContext connection = await client.Factory.ConnectAsync(server.EndPoints[0]).Within();
        Assert.Equal(path, connection.RemoteEndPoint!.ToString());
        await EchoAsync(connection, 3_000_000);
        await connection.DisposeAsync().Within();
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task IPv6_is_reached(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        TestServer server = await StartAsync(
            transport,
            _ => Task.CompletedTask,
            new TestServerSetup
            {
                EndPoints = [new IPEndPoint(IPAddress.IPv6Loopback, 0)],
                Listen = options => options.Run(Handlers.EchoRaw),
            });
        FdmClient client = CreateClient(transport);

        ConnectionContext connection = await client.Factory.ConnectAsync(server.EndPoint).Within();
        Assert.Equal(server.EndPoint, connection.RemoteEndPoint);
        await EchoAsync(connection, 1000);
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_host_name_is_resolved_and_its_addresses_are_tried_in_turn(TransportKind transport)
    {
        // localhost may resolve to [::1] first, where no server listens.
        TestServer server = await StartRawAsync(transport, Handlers.EchoRaw);
        FdmClient client = CreateClient(transport);

        ConnectionContext connection =
            await client.Factory.ConnectAsync(new DnsEndPoint("localhost", server.EndPoint.Port)).Within();
        await EchoAsync(connection, 1000);
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_client_sees_the_servers_FIN_and_its_reset(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            ReadResult result = await connection.Transport.Input.ReadAsync();
            if (result.Buffer.FirstSpan[0] == (byte)'r')
            {
                connection.Abort();
            }
        });
        FdmClient client = CreateClient(transport);

        ConnectionContext polite = await client.Factory.ConnectAsync(server.EndPoint).Within();
        await polite.Transport.Output.WriteAsync("f"u8.ToArray());
        Assert.True((await polite.Transport.Input.ReadAsync().Within()).IsCompleted);
        await polite.DisposeAsync().Within();

        ConnectionContext rude = await client.Factory.ConnectAsync(server.EndPoint).Within();
        await rude.Transport.Output.WriteAsync("r"u8.ToArray());
        await Assert.ThrowsAsync<ConnectionResetException>(async () => await rude.Transport.Input.ReadAsync().Within());
        await rude.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_refusal_is_a_SocketException(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(TestServerSetup.FreeLoopbackPort);

        SocketException refused = await Assert.ThrowsAsync<SocketException>(
            () => client.Factory.ConnectAsync(bound.LocalEndPoint!).AsTask().Within());
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        var nowhere = new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N")));
        await Assert.ThrowsAsync<SocketException>(() => client.Factory.ConnectAsync(nowhere).AsTask().Within());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_cancelled_token_ends_the_attempt(TransportKind transport)
    {
        using FullBacklogListener door = await FullBacklogListener.TcpAsync();
        FdmClient client = CreateClient(transport);
        using var cancellation = new CancellationTokenSource();

        Task<ConnectionContext> attempt = client.Factory.ConnectAsync(door.EndPoint, cancellation.Token).AsTask();
        Assert.False(attempt.IsCompleted);
        await cancellation.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => attempt.Within());
        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.Factory.ConnectAsync(door.EndPoint, cancellation.Token).AsTask().Within());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_attempt_ends_with_the_timeout_of_the_options(TransportKind transport)
    {
        using FullBacklogListener door = await FullBacklogListener.TcpAsync();
        FdmClient client = CreateClient(transport, options => options.ConnectTimeout = TimeSpan.FromMilliseconds(20));

        SocketException late = await Assert.ThrowsAsync<SocketException>(
            () => client.Factory.ConnectAsync(door.EndPoint).AsTask().Within());
        Assert.Equal(SocketError.TimedOut, late.SocketErrorCode);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_full_Unix_backlog_is_waited_out(TransportKind transport)
    {
        using FullBacklogListener door = FullBacklogListener.Unix();
        FdmClient client = CreateClient(transport);

        Task<ConnectionContext> attempt = client.Factory.ConnectAsync(door.EndPoint).AsTask();
        Assert.False(attempt.IsCompleted);
        await door.OpenAsync();
        ConnectionContext connection = await attempt.Within();
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_attempt_at_a_full_Unix_backlog_can_be_cancelled(TransportKind transport)
    {
        using FullBacklogListener door = FullBacklogListener.Unix();
        FdmClient client = CreateClient(transport);
        using var cancellation = new CancellationTokenSource();

        Task<ConnectionContext> attempt = client.Factory.ConnectAsync(door.EndPoint, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => attempt.Within());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_endpoint_of_another_kind_is_refused_by_name(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        NotSupportedException refused = await Assert.ThrowsAsync<NotSupportedException>(
            () => client.Factory.ConnectAsync(new FileHandleEndPoint(0, FileHandleType.Auto)).AsTask());
        Assert.Contains(nameof(FileHandleEndPoint), refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentNullException>(() => client.Factory.ConnectAsync(null!).AsTask());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_disposed_factory_refuses(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        await client.Factory.DisposeAsync().Within();
        await client.Factory.DisposeAsync().Within();
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.Factory.ConnectAsync(TestServerSetup.FreeLoopbackPort).AsTask());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task The_end_of_the_transport_ends_an_attempt(TransportKind transport)
    {
        using FullBacklogListener door = await FullBacklogListener.TcpAsync();
        FdmClient client = CreateClient(transport);

        Task<ConnectionContext> attempt = client.Factory.ConnectAsync(door.EndPoint).AsTask();
        await client.Transport.DisposeAsync().Within();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => attempt.Within());
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.Factory.ConnectAsync(door.EndPoint).AsTask().Within());
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Connections_opened_and_cancelled_at_once_leave_nothing_behind(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, Handlers.EchoRaw);
        FdmClient client = CreateClient(transport);
        int opened = 0;

        async Task OpenAsync(int number)
        {
            using var cancellation = new CancellationTokenSource();
            Task<ConnectionContext> attempt = client.Factory.ConnectAsync(server.EndPoint, cancellation.Token).AsTask();
            if (number % 2 == 0)
            {
                await cancellation.CancelAsync();
            }

            try
            {
                ConnectionContext connection = await attempt.Within();
                await EchoAsync(connection, 5000);
                Interlocked.Increment(ref opened);
                await connection.DisposeAsync().Within();
            }
            catch (OperationCanceledException) when (number % 2 == 0)
            {
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 200).Select(OpenAsync));
        Assert.InRange(opened, 100, 200);
        await Eventually.UntilAsync(() => client.Transport.GetLoopStatistics().Sum(loop => loop.Connections) == 0);
        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_factory_with_loops_of_its_own_ends_them(TransportKind transport)
    {
        TestServer server =
            await StartRawAsync(TransportKind.Sockets, Handlers.EchoRaw, "Unhandled exception while processing");
        var options = new FdmTransportOptions();
        Transports.Configure(options, transport);
        var factory = new FdmConnectionFactory(
            Microsoft.Extensions.Options.Options.Create(options),
            Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);

        ConnectionContext connection = await factory.ConnectAsync(server.EndPoint).Within();
        await EchoAsync(connection, 100_000);
        await factory.DisposeAsync().Within();
        await Assert.ThrowsAnyAsync<Exception>(async () => await connection.Transport.Input.ReadAsync().Within());
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Connections_of_both_directions_share_the_loops(TransportKind transport)
    {
        await using var harness = new FdmHarness(transport);
        await using var factory = new FdmConnectionFactory(harness.Factory);
        IConnectionListener listener = await harness.BindAsync();

        ConnectionContext opened = await factory.ConnectAsync(listener.EndPoint).Within();
        ConnectionContext? accepted = await listener.AcceptAsync().Within();
        Assert.Equal(2, harness.Factory.GetLoopStatistics().Sum(loop => loop.Connections));
        await opened.DisposeAsync().Within();
        await accepted!.DisposeAsync().Within();
        await listener.DisposeAsync().Within();
    }

    [Theory]
    [InlineData(TransportKind.FdmInlineTwoLoops)]
    [InlineData(TransportKind.FdmInlineEightLoops)]
    public async Task A_connection_that_a_handler_opens_lives_on_the_handlers_loop(TransportKind transport)
    {
        const int Connections = 6;
        TestServer origin =
            await StartRawAsync(TransportKind.Sockets, Handlers.EchoRaw, "Unhandled exception while processing");
        await using var harness = new FdmHarness(transport);
        await using var factory = new FdmConnectionFactory(harness.Factory);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext handled = (await listener.AcceptAsync().Within())!;

        // Waiting when the byte comes, so that what follows runs on the loop.
        async Task<List<ConnectionContext>> HandleAsync()
        {
            await handled.Transport.Input.ReadAsync();
            Task<ConnectionContext>[] opening =
                [.. Enumerable.Range(0, Connections).Select(_ => factory.ConnectAsync(origin.EndPoint).AsTask())];
            return [.. await Task.WhenAll(opening)];
        }

        Task<List<ConnectionContext>> handling = HandleAsync();
        await client.SendAsync("x");
        List<ConnectionContext> opened = await handling.Within();
        Assert.Contains(harness.Factory.GetLoopStatistics(), loop => loop.Connections == Connections + 1);
        opened.ForEach(connection => connection.Abort());
        foreach (ConnectionContext connection in opened.Append(handled))
        {
            await connection.DisposeAsync().Within();
        }

        await listener.DisposeAsync().Within();
    }

    private FdmClient CreateClient(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        var client = new FdmClient(transport, configure);
        CheckAfterwards(client, client.Logs);
        return client;
    }

    /// <summary>Sends the pattern and reads it back meanwhile.</summary>
    private static async Task EchoAsync(ConnectionContext connection, int length)
    {
        byte[] sent = BytePattern.Default.Create(length / 8 * 8);
        Task sending = connection.Transport.Output.WriteAsync(sent).AsTask();
        byte[] received = new byte[sent.Length];
        int count = 0;
        while (count < received.Length)
        {
            ReadResult result = await connection.Transport.Input.ReadAsync().Within();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                segment.CopyTo(received.AsMemory(count));
                count += segment.Length;
            }

            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            Assert.False(result.IsCompleted && count < received.Length);
        }

        await sending.Within();
        Assert.Equal(sent, received);
    }
}
