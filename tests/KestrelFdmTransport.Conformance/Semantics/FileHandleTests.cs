using System;
using System.Globalization;
using System.IO;
using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Listening on a descriptor that another component has opened and will close.</summary>
public sealed class FileHandleTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const string Owner = "owner";

    public static TheoryData<TransportKind, FileHandleType> Types
        => Cases.Cross(OnFdm, [FileHandleType.Auto, FileHandleType.Tcp, FileHandleType.Pipe]);

    public static TheoryData<TransportKind, Family> Families
        => Cases.Cross(OnFdm, [Family.IPv4, Family.IPv6, Family.Unix]);

    public static TheoryData<TransportKind, string> Invalid
        => Cases.Cross(OnFdm, ["pipe", "file", "udp", "connected", "closed", "minus one", "too large"]);

    [Theory, MemberData(nameof(Types))]
    public Task The_type_of_the_handle_makes_no_difference(TransportKind transport, FileHandleType type)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        using Socket socket = Bound(TestServerSetup.FreeLoopbackPort);
        await transcript.StepAsync(App, "bind", async () =>
        {
            IConnectionListener listener = await host.BindAsync(new FileHandleEndPoint((ulong)socket.Handle, type));
            transcript.Add(
                App,
                $"{listener.EndPoint.GetType().Name} {socket.LocalEndPoint!.Equals(listener.EndPoint)}");
            return await RoundTripAsync(transcript, listener);
        });
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task A_listening_handle_outlives_the_listener_and_listens_on(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        using Socket socket = Bound(EndPoints.Fresh(family));
        socket.Listen(11);
        EndPoint bound = socket.LocalEndPoint!;
        string descriptor = Descriptors.Describe(socket);

        IConnectionListener listener = await host.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
        transcript.Add(App, $"{listener.EndPoint.GetType().Name} {bound.Equals(listener.EndPoint)}");
        transcript.Add(App, await RoundTripAsync(transcript, listener));
        Task<ConnectionContext?> waiting = listener.AcceptAsync().AsTask();
        await listener.UnbindAsync().Within();
        transcript.Add(App, $"null after unbind: {await waiting.Within() is null}");
        await listener.DisposeAsync().Within();
        transcript.Add(
            Owner,
            $"open: {string.Equals(descriptor, Descriptors.Describe(socket), StringComparison.Ordinal)}");
        transcript.Add(Owner, $"socket file: {family == Family.Unix && File.Exists(bound.ToString())}");

        // The owner goes on where the transport has stopped, on a thread: the runtime watches a descriptor only once.
        await transcript.StepAsync(Owner, "connect and accept", async () =>
        {
            using RawClient client = await RawClient.ConnectAsync(bound);
            using Socket accepted = await Task.Run(socket.Accept).Within();
            return $"{accepted.Connected}";
        });
    });

    /// <remarks>Sockets cannot: the runtime watches a descriptor only once.</remarks>
    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_handle_can_be_listened_on_again(TransportKind transport)
    {
        var transcript = new Transcript();
        await using TransportHost host = TransportHost.Create(transport);
        using Socket socket = Bound(TestServerSetup.FreeLoopbackPort);
        for (int round = 0; round < 3; round++)
        {
            IConnectionListener listener = await host.BindAsync(
                new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
            Assert.Equal("pingpong", await RoundTripAsync(transcript, listener));
            await listener.DisposeAsync().Within();
        }
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task Connections_outlive_the_owners_handle(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        using Socket socket = Bound(TestServerSetup.FreeLoopbackPort);
        IConnectionListener listener = await host.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await listener.UnbindAsync().Within();
        socket.Dispose();
        await client.SendAsync("ping");
        await transcript.StepAsync(App, "read", () => connection.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        client.Dispose();
    });

    /// <remarks>Not compared: Sockets looks at the port before there is one, this transport afterwards.</remarks>
    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_unbound_handle_listens_on_a_port_of_the_kernels_choice(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        IConnectionListener listener = await host.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));
        Assert.Equal(IPAddress.Any, ((IPEndPoint)listener.EndPoint).Address);
        using var asked = new Socket(new SafeSocketHandle(socket.Handle, ownsHandle: false));
        using RawClient client = await RawClient.ConnectAsync(
            new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)asked.LocalEndPoint!).Port));
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        Assert.Equal(client.LocalEndPoint, connection.RemoteEndPoint);
        await connection.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(Invalid))]
    public Task What_is_no_stream_socket_to_listen_on_is_refused(TransportKind transport, string what)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        (ulong handle, IDisposable owner) = Open(what);
        using (owner)
        {
            await transcript.StepAsync(App, "bind", async () =>
            {
                IConnectionListener listener = await host.BindAsync(
                    new FileHandleEndPoint(handle, FileHandleType.Auto));
                return listener.EndPoint.GetType().Name;
            });
            transcript.Step(
                Owner,
                "open",
                () =>
                {
                    string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{handle}");
                    return $"{handle > int.MaxValue || Path.Exists(path)}";
                });
        }
    });

    private static (ulong Handle, IDisposable Owner) Open(string what)
    {
        switch (what)
        {
            case "pipe":
                var pipe = new AnonymousPipeServerStream();
                return ((ulong)pipe.SafePipeHandle.DangerousGetHandle(), pipe);
            case "file":
                FileStream file = File.OpenRead("/proc/self/status");
                return ((ulong)file.SafeFileHandle.DangerousGetHandle(), file);
            case "udp":
                var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                udp.Bind(TestServerSetup.FreeLoopbackPort);
                return ((ulong)udp.Handle, udp);
            case "connected":
                using (Socket peer = Bound(TestServerSetup.FreeLoopbackPort))
                {
                    peer.Listen();
                    var connected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    connected.Connect(peer.LocalEndPoint!);
                    return ((ulong)connected.Handle, connected);
                }

            case "closed":
                // Beyond what this process may have open.
                return (int.MaxValue - 1, new MemoryStream());
            case "minus one":
                return (ulong.MaxValue, new MemoryStream());
            default:
                return (1UL << 40, new MemoryStream());
        }
    }

    private static Socket Bound(EndPoint endPoint)
    {
        var socket = new Socket(
            endPoint.AddressFamily,
            SocketType.Stream,
            endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        socket.Bind(endPoint);
        return socket;
    }

    private static async Task<string> RoundTripAsync(Transcript transcript, IConnectionListener listener)
    {
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        transcript.Add(
            App,
            $"{connection.LocalEndPoint!.GetType().Name} {connection.LocalEndPoint.Equals(client.RemoteEndPoint)}");
        transcript.Add(
            App,
            $"{connection.RemoteEndPoint!.GetType().Name} "
                + $"{EndPoints.Same(connection.RemoteEndPoint, client.LocalEndPoint)}");
        await client.SendAsync("ping");
        string seen = await connection.ReadTextAsync(4);
        await connection.WriteTextAsync("pong");
        seen += await client.ReadTextAsync(4);
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        return seen;
    }
}
