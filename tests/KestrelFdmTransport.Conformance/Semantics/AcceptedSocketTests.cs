using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>What the kernel and the <see cref="Socket"/> object say about an accepted connection.</summary>
public sealed class AcceptedSocketTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    public static TheoryData<TransportKind, Family> Families
        => Cases.Cross(OnFdm, [Family.IPv4, Family.IPv6, Family.Unix]);

    [SkippableTheory, MemberData(nameof(Families))]
    public Task It_has_the_same_options(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        foreach (string option in SocketOptions.Describe(connection.GetSocket()))
        {
            transcript.Add(App, option);
        }

        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task NoDelay_off_leaves_the_kernels_default(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind, options => options.NoDelay = false);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        foreach (string option in SocketOptions.Describe(connection.GetSocket()))
        {
            transcript.Add(App, option);
        }

        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_client_of_the_other_family_gets_the_same_options(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        IPv6.SkipIfMissing();
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(new IPEndPoint(IPAddress.IPv6Any, 0));
        using RawClient client = await RawClient.ConnectAsync(
            new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)listener.EndPoint).Port));
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        foreach (string option in SocketOptions.Describe(connection.GetSocket()))
        {
            transcript.Add(App, option);
        }

        transcript.Add(App, $"dual mode: {connection.GetSocket().DualMode}");
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task The_socket_object_says_the_same_of_itself(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Socket socket = connection.GetSocket();
        transcript.Step(App, "family", () => $"{socket.AddressFamily}");
        transcript.Step(App, "type", () => $"{socket.SocketType}");
        transcript.Step(App, "protocol", () => $"{socket.ProtocolType}");
        transcript.Step(App, "connected", () => $"{socket.Connected}");
        transcript.Step(App, "bound", () => $"{socket.IsBound}");
        transcript.Step(App, "blocking", () => $"{socket.Blocking}");
        transcript.Step(App, "local", () => $"{connection.LocalEndPoint!.Equals(socket.LocalEndPoint)}");
        transcript.Step(
            App,
            "remote",
            () => $"{socket.RemoteEndPoint!.GetType().Name} "
                + $"{EndPoints.Same(connection.RemoteEndPoint, socket.RemoteEndPoint)}");
        transcript.Step(App, "available", () => $"{socket.Available}");
        transcript.Step(App, "linger", () => $"{socket.LingerState!.Enabled} {socket.LingerState.LingerTime}");
        transcript.Step(App, "ttl", () => $"{socket.Ttl}");
        transcript.Step(App, "don't fragment", () => $"{socket.DontFragment}");
        transcript.Step(App, "exclusive", () => $"{socket.ExclusiveAddressUse}");
        transcript.Step(App, "timeouts", () => $"{socket.ReceiveTimeout} {socket.SendTimeout}");
        transcript.Step(App, "dual mode", () => $"{socket.DualMode}");
        transcript.Step(App, "no delay", () => $"{socket.NoDelay}");
        transcript.Step(App, "writable", () => $"{socket.Poll(0, SelectMode.SelectWrite)}");
        transcript.Step(App, "readable", () => $"{socket.Poll(0, SelectMode.SelectRead)}");
        transcript.Step(
            App, "handle", () => $"{socket.Handle > 0} {socket.SafeHandle.IsInvalid} {socket.SafeHandle.IsClosed}");
        transcript.Step(
            App, "error", () => $"{socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });
}
