using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>Listeners of a factory with no Kestrel above it, so that the case decides when to accept.</summary>
public sealed class FdmListenerTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnFdm))]
    public async Task Connections_beyond_the_accept_queue_wait_and_are_all_delivered(TransportKind transport)
    {
        const int Clients = 300;
        FdmHarness harness = CreateHarness(transport, options => options.AcceptQueueLength = 16);
        IConnectionListener listener = await harness.BindAsync();

        var clients = new List<RawClient>();
        for (int i = 0; i < Clients; i++)
        {
            RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
            clients.Add(client);
            await client.SendAsync($"{i:000}");
        }

        var delivered = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < Clients; i++)
        {
            ConnectionContext connection = await AcceptAsync(listener);
            Assert.True(delivered.Add(await ReadTextAsync(connection, 3)));
            await connection.DisposeAsync().Within();
        }

        Assert.Equal(Clients, delivered.Count);
        foreach (RawClient client in clients)
        {
            await client.AssertFinAsync();
            client.Dispose();
        }

        Assert.Equal(Clients, harness.Factory.GetLoopStatistics().Sum(loop => loop.Accepts));
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_full_accept_queue_stops_the_accepting(TransportKind transport)
    {
        const int Clients = 100;
        const int Queue = 16;
        FdmHarness harness = CreateHarness(transport, options => options.AcceptQueueLength = Queue);
        IConnectionListener listener = await harness.BindAsync();

        var clients = new List<RawClient>();
        for (int i = 0; i < Clients; i++)
        {
            clients.Add(await RawClient.ConnectAsync(listener.EndPoint));
        }

        // Each loop may hold one connection that it accepted when there still was room.
        Assert.InRange(harness.Factory.GetLoopStatistics().Sum(loop => loop.Accepts), 0, Queue + harness.LoopCount);
        clients.ForEach(client => client.Dispose());
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_cancelled_accept_throws_and_loses_no_connection(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();

        using var cancellation = new CancellationTokenSource();
        Task<ConnectionContext?> accepting = listener.AcceptAsync(cancellation.Token).AsTask();
        Assert.False(accepting.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting.Within());

        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        await (await AcceptAsync(listener)).DisposeAsync().Within();
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_accept_that_is_cancelled_as_a_client_connects_loses_no_connection(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();

        for (int i = 0; i < 200; i++)
        {
            using var cancellation = new CancellationTokenSource();
            Task<ConnectionContext?> accepting = listener.AcceptAsync(cancellation.Token).AsTask();
            Task cancelling = Task.Run(cancellation.Cancel);
            using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
            await cancelling;

            ConnectionContext? connection;
            try
            {
                connection = await accepting.Within();
            }
            catch (OperationCanceledException)
            {
                connection = await AcceptAsync(listener);
            }

            Assert.NotNull(connection);
            Assert.Equal(client.LocalEndPoint, connection.RemoteEndPoint);
            await connection.DisposeAsync().Within();
        }

        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Unbind_ends_a_waiting_accept_with_null(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();

        Task<ConnectionContext?> accepting = listener.AcceptAsync().AsTask();
        await listener.UnbindAsync().Within();
        Assert.Null(await accepting.Within());
        Assert.Null(await listener.AcceptAsync().Within());
        await listener.DisposeAsync().Within();
        Assert.Null(await listener.AcceptAsync().Within());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task What_was_accepted_before_unbind_is_delivered_before_null(TransportKind transport)
    {
        const int Clients = 5;
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        var clients = new List<RawClient>();
        for (int i = 0; i < Clients; i++)
        {
            clients.Add(await RawClient.ConnectAsync(listener.EndPoint));
        }

        await Eventually.UntilAsync(() => harness.Factory.GetLoopStatistics().Sum(loop => loop.Accepts) == Clients);
        await listener.UnbindAsync().Within();
        await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(listener.EndPoint));
        for (int i = 0; i < Clients; i++)
        {
            await (await AcceptAsync(listener)).DisposeAsync().Within();
        }

        Assert.Null(await listener.AcceptAsync().Within());
        clients.ForEach(client => client.Dispose());
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Connections_outlive_the_unbind_of_their_listener(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await AcceptAsync(listener);
        await listener.UnbindAsync().Within();

        await client.SendAsync("ping");
        Assert.Equal("ping", await ReadTextAsync(connection, 4));
        await connection.Transport.Output.WriteAsync("pong"u8.ToArray()).Within();
        Assert.Equal("pong", await client.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Disposing_the_listener_ends_connections_that_were_not_accepted(TransportKind transport)
    {
        const int Clients = 5;
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        var clients = new List<RawClient>();
        for (int i = 0; i < Clients; i++)
        {
            RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
            clients.Add(client);
            await client.SendAsync("unheard");
        }

        await listener.DisposeAsync().Within();
        foreach (RawClient client in clients)
        {
            await client.AssertResetAsync();
            client.Dispose();
        }

        await Eventually.UntilAsync(() => harness.Factory.GetLoopStatistics().Sum(loop => loop.Connections) == 0);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Everything_may_be_disposed_of_twice_from_two_threads(TransportKind transport)
    {
        for (int round = 0; round < 20; round++)
        {
            FdmHarness harness = CreateHarness(transport);
            IConnectionListener listener = await harness.BindAsync();
            using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
            ConnectionContext connection = await AcceptAsync(listener);

            await TwiceAsync(() => connection.DisposeAsync());
            await client.AssertFinAsync();
            await TwiceAsync(() => listener.DisposeAsync());
            await TwiceAsync(() => harness.Factory.DisposeAsync());
        }
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Disposing_the_factory_does_not_wait_for_the_application(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await AcceptAsync(listener);
        await client.SendAsync("held");
        ReadResult held = await connection.Transport.Input.ReadAsync().Within();

        await listener.DisposeAsync().Within();
        await harness.Factory.DisposeAsync().Within();
        Assert.Equal("held", Encoding.ASCII.GetString(held.Buffer.FirstSpan));
        connection.Transport.Input.AdvanceTo(held.Buffer.End);
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Two_listeners_share_the_loops_of_their_factory(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener one = await harness.BindAsync();
        IConnectionListener two = await harness.BindAsync();
        Assert.Equal(harness.LoopCount, harness.Factory.GetLoopStatistics().Count);
        Assert.NotEqual(one.EndPoint, two.EndPoint);

        foreach (IConnectionListener listener in new[] { one, two, one })
        {
            using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
            ConnectionContext connection = await AcceptAsync(listener);
            Assert.Equal(client.LocalEndPoint, connection.RemoteEndPoint);
            await connection.DisposeAsync().Within();
        }

        await one.DisposeAsync().Within();
        await two.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public void Only_endpoints_of_sockets_can_be_bound(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        Assert.True(harness.Factory.CanBind(TestServerSetup.FreeLoopbackPort));
        Assert.True(harness.Factory.CanBind(new UnixDomainSocketEndPoint("/tmp/never-bound.sock")));
        Assert.True(harness.Factory.CanBind(new FileHandleEndPoint(0, FileHandleType.Auto)));
        Assert.False(harness.Factory.CanBind(new DnsEndPoint("localhost", 80)));
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task The_default_listen_socket_serves_both_families_at_the_IPv6_wildcard(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync(new IPEndPoint(IPAddress.IPv6Any, 0));
        int port = ((IPEndPoint)listener.EndPoint).Port;

        foreach (IPAddress address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(address, port));
            ConnectionContext connection = await AcceptAsync(listener);
            Assert.Equal(address.MapToIPv6(), ((IPEndPoint)connection.LocalEndPoint!).Address);
            await connection.DisposeAsync().Within();
        }

        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task The_default_listen_socket_leaves_a_handle_to_its_owner(TransportKind transport)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(TestServerSetup.FreeLoopbackPort);
        string descriptor = Descriptors.Describe(socket);
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
        Assert.Equal(socket.LocalEndPoint, listener.EndPoint);

        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        await (await AcceptAsync(listener)).DisposeAsync().Within();
        await listener.DisposeAsync().Within();
        await harness.Factory.DisposeAsync().Within();
        Assert.Equal(descriptor, Descriptors.Describe(socket));
    }

    private static async Task<ConnectionContext> AcceptAsync(IConnectionListener listener)
    {
        ConnectionContext? connection = await listener.AcceptAsync().Within("an accepted connection");
        return Assert.IsAssignableFrom<ConnectionContext>(connection);
    }

    private static async Task<string> ReadTextAsync(ConnectionContext connection, int length)
    {
        ReadResult result = await connection.Transport.Input.ReadAtLeastAsync(length).Within("bytes from the client");
        string text = Encoding.ASCII.GetString(result.Buffer.Slice(0, length));
        connection.Transport.Input.AdvanceTo(result.Buffer.GetPosition(length));
        return text;
    }

    private static Task TwiceAsync(Func<ValueTask> dispose)
        => Task.WhenAll(Task.Run(() => dispose().AsTask()), Task.Run(() => dispose().AsTask())).Within(
            "two disposals at once");

    private FdmHarness CreateHarness(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        var harness = new FdmHarness(transport, configure);
        CheckAfterwards(harness, harness.Logs);
        return harness;
    }
}
