using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>Handles that several endpoints listen on, or whose owner does not wait for the endpoint's end.</summary>
public sealed class SharedHandleTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Two_endpoints_may_listen_on_one_handle_at_the_same_time(TransportKind transport)
    {
        using Socket owner = Listening();
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener one = await BindAsync(harness, owner);
        IConnectionListener two = await BindAsync(harness, owner);
        Task<ConnectionContext?> first = one.AcceptAsync().AsTask();
        Task<ConnectionContext?> second = two.AcceptAsync().AsTask();

        // Whichever is quicker gets a client; none of them is lost, and each endpoint can get some alone.
        using RawClient client = await RawClient.ConnectAsync(owner.LocalEndPoint!);
        Task<ConnectionContext?> quicker = await Task.WhenAny(first, second).Within("an endpoint that accepts");
        await (await quicker)!.DisposeAsync().Within();
        (IConnectionListener leaving, IConnectionListener staying, Task<ConnectionContext?> waiting) =
            quicker == first ? (one, two, second) : (two, one, first);
        await leaving.DisposeAsync().Within();

        using RawClient next = await RawClient.ConnectAsync(owner.LocalEndPoint!);
        ConnectionContext connection = Assert.IsAssignableFrom<ConnectionContext>(
            await waiting.Within("a connection of the other"));
        await next.SendAsync("ping");
        Assert.Equal("ping", await connection.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
        await staying.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_endpoint_ends_when_the_owner_closes_the_handle(TransportKind transport)
    {
        Socket owner = Listening();
        FdmHarness harness = CreateHarness(transport);
        IConnectionListener listener = await BindAsync(harness, owner);
        Task<ConnectionContext?> accepting = listener.AcceptAsync().AsTask();
        EndPoint endPoint = owner.LocalEndPoint!;

        owner.Dispose();

        Assert.Null(await accepting.Within("the end of accepting"));
        SocketException refused = await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(endPoint));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        await listener.DisposeAsync().Within();
    }

    private static Socket Listening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(TestServerSetup.FreeLoopbackPort);
        return socket;
    }

    private static Task<IConnectionListener> BindAsync(FdmHarness harness, Socket owner)
        => harness.BindAsync(new FileHandleEndPoint((ulong)owner.Handle, FileHandleType.Auto));

    private FdmHarness CreateHarness(TransportKind transport)
    {
        var harness = new FdmHarness(transport);
        CheckAfterwards(harness, harness.Logs);
        return harness;
    }
}
