using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>
/// The listen socket: what the default one is like, and what becomes of one that the application makes.
/// </summary>
public sealed class ListenSocketTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    private static readonly SocketException s_inUse = new((int)SocketError.AddressAlreadyInUse);

    public static TheoryData<TransportKind, string> ListenAddresses
        => Cases.Cross(OnFdm, ["127.0.0.1", "0.0.0.0", "::1", "::", "unix", "abstract"]);

    public static TheoryData<TransportKind, string> Failures
        => Cases.Cross(OnFdm, ["InvalidOperation", "AddressInUse", "AccessDenied", "Disposed", "Udp", "Connected"]);

    public static TheoryData<TransportKind, int> Backlogs => Cases.Cross(OnFdm, [512, 7, 1, 0]);

    [SkippableTheory, MemberData(nameof(ListenAddresses))]
    public Task The_default_listen_socket_has_the_same_options(TransportKind transport, string address)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        if (address.Contains(':', StringComparison.Ordinal))
        {
            IPv6.SkipIfMissing();
        }

        EndPoint endPoint = address switch
        {
            "unix" => new UnixDomainSocketEndPoint(EndPoints.TemporarySocketPath()),
            "abstract" => new UnixDomainSocketEndPoint($"\0fdm-{Guid.NewGuid():N}"),
            _ => new IPEndPoint(IPAddress.Parse(address), 0),
        };
        Socket? socket = null;
        await using TransportHost host = TransportHost.Create(kind, options =>
        {
            Func<EndPoint, Socket> create = options.CreateBoundListenSocket;
            options.CreateBoundListenSocket = asked => socket = create(asked);
        });
        IConnectionListener listener = await host.BindAsync(endPoint);

        foreach (string option in SocketOptions.Describe(socket!))
        {
            // This transport lets accepted sockets inherit it.
            if (!option.StartsWith("TCP_NODELAY", StringComparison.Ordinal))
            {
                transcript.Add(App, option);
            }
        }

        transcript.Add(
            App,
            $"{socket!.AddressFamily} {socket.SocketType} {socket.ProtocolType} bound: {socket.IsBound}");
        transcript.Add(App, $"the listener shows its address: {socket.LocalEndPoint!.Equals(listener.EndPoint)}");
        await listener.UnbindAsync().Within();
        transcript.Add(App, $"closed after unbind: {socket.SafeHandle.IsClosed}");
    });

    [Theory, MemberData(nameof(Backlogs))]
    public Task The_kernel_gets_the_backlog_of_the_options(TransportKind transport, int backlog)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        Socket? socket = null;
        await using TransportHost host = TransportHost.Create(kind, options =>
        {
            Func<EndPoint, Socket> create = options.CreateBoundListenSocket;
            options.Backlog = backlog;
            options.CreateBoundListenSocket = asked => socket = create(asked);
        });
        await host.BindAsync();
        transcript.Add(App, $"{SocketOptions.Backlog(socket!)}");
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task The_default_backlog_is_the_same(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        Socket? socket = null;
        await using TransportHost host = TransportHost.Create(kind, options =>
        {
            Func<EndPoint, Socket> create = options.CreateBoundListenSocket;
            options.CreateBoundListenSocket = asked => socket = create(asked);
        });
        await host.BindAsync();
        transcript.Add(App, $"{SocketOptions.Backlog(socket!)}");
    });

    [Theory, MemberData(nameof(Failures))]
    public Task A_function_that_makes_no_usable_socket_fails_the_bind(TransportKind transport, string failure)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        peer.Bind(TestServerSetup.FreeLoopbackPort);
        peer.Listen();
        await using TransportHost host = TransportHost.Create(
            kind,
            options => options.CreateBoundListenSocket = _ => CreateUnusable(failure, peer.LocalEndPoint!));
        await transcript.StepAsync(App, "bind", async () => (await host.BindAsync()).EndPoint.ToString()!);
    });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_function_that_returns_no_socket_fails_the_bind(TransportKind transport)
    {
        await using TransportHost host =
            TransportHost.Create(transport, options => options.CreateBoundListenSocket = _ => null!);
        Assert.NotNull(await Record.ExceptionAsync(() => host.BindAsync()));
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_unbound_socket_listens_on_a_port_of_the_kernels_choice(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(
            kind,
            options => options.CreateBoundListenSocket =
                endPoint => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await transcript.StepAsync(App, "bind", async () =>
        {
            IConnectionListener listener = await host.BindAsync();
            var bound = (IPEndPoint)listener.EndPoint;
            transcript.Add(App, $"{bound.Address} with a port: {bound.Port != 0}");
            return await RoundTripAsync(listener, new IPEndPoint(IPAddress.Loopback, bound.Port));
        });
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_socket_that_listens_already_goes_on_with_the_backlog_of_the_options(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(TestServerSetup.FreeLoopbackPort);
        socket.Listen(3);
        await using TransportHost host =
            TransportHost.Create(kind, options => options.CreateBoundListenSocket = _ => socket);

        // The first client is there before the transport is.
        using RawClient early = await RawClient.ConnectAsync(socket.LocalEndPoint!);
        await early.SendAsync("early");
        IConnectionListener listener = await host.BindAsync();
        transcript.Add(App, $"{SocketOptions.Backlog(socket)}");
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        transcript.Add(
            App,
            $"{await connection.ReadTextAsync(5)} {early.LocalEndPoint.Equals(connection.RemoteEndPoint)}");
        await connection.DisposeAsync().Within();
        transcript.Add(App, await RoundTripAsync(listener, listener.EndPoint));
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_Unix_socket_may_serve_an_IP_endpoint_and_the_other_way_round(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        string path = EndPoints.TemporarySocketPath();
        await using TransportHost host =
            TransportHost.Create(kind, options => options.CreateBoundListenSocket = endPoint =>
            {
                bool swap = endPoint is IPEndPoint;
                Socket socket = swap
                    ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                    : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(swap ? new UnixDomainSocketEndPoint(path) : TestServerSetup.FreeLoopbackPort);
                return socket;
            });

        foreach (EndPoint asked
            in new EndPoint[] { TestServerSetup.FreeLoopbackPort, new UnixDomainSocketEndPoint("/not/used.sock") })
        {
            IConnectionListener listener = await host.BindAsync(asked);
            transcript.Add(App, $"{asked.GetType().Name} is served on {listener.EndPoint.GetType().Name}");
            transcript.Add(App, await RoundTripAsync(listener, listener.EndPoint));
            await listener.UnbindAsync().Within();
            transcript.Add(App, $"the file exists: {File.Exists(path)}");
        }
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Options_of_the_applications_listen_socket_hold_for_its_connections(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind, options =>
        {
            options.NoDelay = false;
            options.CreateBoundListenSocket = endPoint =>
            {
                var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                {
                    NoDelay = true,
                    LingerState = new LingerOption(enable: true, seconds: 5),
                    ReceiveBufferSize = 32 * 1024,
                    SendBufferSize = 48 * 1024,
                    ReceiveTimeout = 12_345,
                };
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 77);
                socket.Bind(endPoint);
                return socket;
            };
        });
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Socket accepted = connection.GetSocket();
        foreach (string option in SocketOptions.Describe(accepted))
        {
            transcript.Add(App, option);
        }

        transcript.Add(App, $"{accepted.ReceiveBufferSize} {accepted.SendBufferSize}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    private static Socket CreateUnusable(string failure, EndPoint peer)
    {
        switch (failure)
        {
            case "InvalidOperation":
                throw new InvalidOperationException("Made by the case.");
            case "AddressInUse":
                throw s_inUse;
            case "AccessDenied":
                throw new SocketException((int)SocketError.AccessDenied);
            case "Udp":
                return new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (string.Equals(failure, "Connected", StringComparison.Ordinal))
        {
            socket.Connect(peer);
        }
        else
        {
            socket.Dispose();
        }

        return socket;
    }

    private static async Task<string> RoundTripAsync(IConnectionListener listener, EndPoint endPoint)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        await client.SendAsync("ping");
        string seen = await connection.ReadTextAsync(4);
        await connection.WriteTextAsync("pong");
        seen += await client.ReadTextAsync(4);
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        return seen;
    }
}
