using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>A listen socket for every loop.</summary>
public sealed class ReusePortTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int SocketLevel = 1;
    private const int ReusePort = 15;

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Every_loop_accepts_connections_of_its_own_on_the_one_port(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        Assert.NotEqual(0, ((IPEndPoint)listener.EndPoint).Port);

        // The kernel decides by a hash of the addresses; that it leaves one of eight out 500 times is not to be
        // expected.
        int connections = 0;
        while (harness.Factory.GetLoopStatistics().Any(loop => loop.Accepts == 0))
        {
            Assert.InRange(connections++, 0, 500);
            await ExchangeAsync(listener);
        }

        EndPoint endPoint = listener.EndPoint;
        await listener.DisposeAsync().Within();
        SocketException refused = await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(endPoint));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        // All are closed: without the option the port would be in use.
        FdmHarness without = CreateHarness(transport, options => options.ReusePort = false);
        IConnectionListener again = await without.BindAsync(endPoint);
        await ExchangeAsync(again);
        await again.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Another_process_may_share_the_port_if_it_has_the_option_too(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await harness.BindAsync();
        FdmHarness other = CreateHarness(transport);
        IConnectionListener sharing = await other.BindAsync(listener.EndPoint);
        FdmHarness third = CreateHarness(transport, options => options.ReusePort = false);

        await Assert.ThrowsAsync<AddressInUseException>(() => third.BindAsync(listener.EndPoint));
        await sharing.DisposeAsync().Within();
        await ExchangeAsync(listener);
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Unix_sockets_and_handles_are_shared_as_ever(TransportKind transport)
    {
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener unix = await harness.BindAsync(
            new UnixDomainSocketEndPoint(EndPoints.TemporarySocketPath()));
        await ExchangeAsync(unix);
        await unix.DisposeAsync().Within();

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(TestServerSetup.FreeLoopbackPort);
        IConnectionListener handle = await harness.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
        await ExchangeAsync(handle);
        await handle.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_function_that_makes_sockets_is_asked_for_each_and_must_set_the_option(TransportKind transport)
    {
        var asked = new List<EndPoint>();
        FdmHarness harness = CreateHarness(transport, options => options.CreateBoundListenSocket = endPoint =>
        {
            asked.Add(endPoint);
            return Bound(endPoint, reusePort: true);
        });
        IConnectionListener listener = await harness.BindAsync();
        Assert.Equal(
            [TestServerSetup.FreeLoopbackPort, .. Enumerable.Repeat(listener.EndPoint, harness.LoopCount - 1)],
            asked);
        await ExchangeAsync(listener);
        await listener.DisposeAsync().Within();

        FdmHarness without = CreateHarness(
            transport,
            options => options.CreateBoundListenSocket = endPoint => Bound(endPoint, reusePort: false));
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => without.BindAsync());
        Assert.Contains("FdmTransportOptions.ReusePort", failure.Message, StringComparison.Ordinal);
        Assert.Contains("SO_REUSEPORT", failure.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Disposing_of_one_of_the_sockets_ends_the_endpoint(TransportKind transport)
    {
        var made = new List<Socket>();
        FdmHarness harness = CreateHarness(transport, options => options.CreateBoundListenSocket = endPoint =>
        {
            made.Add(Bound(endPoint, reusePort: true));
            return made[^1];
        });
        IConnectionListener listener = await harness.BindAsync();
        await ExchangeAsync(listener);

        await Task.Run(made[^1].Dispose).Within("the disposal of a listen socket");

        Assert.Null(await listener.AcceptAsync().Within("the end of accepting"));
        SocketException refused = await Assert.ThrowsAsync<SocketException>(
            () => RawClient.ConnectAsync(listener.EndPoint));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        await listener.DisposeAsync().Within();
    }

    private static Socket Bound(EndPoint endPoint, bool reusePort)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (reusePort)
        {
            socket.SetRawSocketOption(SocketLevel, ReusePort, BitConverter.GetBytes(1));
        }

        socket.Bind(endPoint);
        return socket;
    }

    private static async Task ExchangeAsync(IConnectionListener listener)
    {
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = Assert.IsAssignableFrom<ConnectionContext>(
            await listener.AcceptAsync().Within("a connection"));
        await client.SendAsync("ping");
        Assert.Equal("ping", await connection.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
    }

    private FdmHarness CreateHarness(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        var harness = new FdmHarness(transport, options =>
        {
            options.ReusePort = true;
            configure?.Invoke(options);
        });
        CheckAfterwards(harness, harness.Logs);
        return harness;
    }
}
