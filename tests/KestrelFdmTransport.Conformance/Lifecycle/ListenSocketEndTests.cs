using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>An application that ends the listen socket it has made, while the endpoint is bound.</summary>
public sealed class ListenSocketEndTests(ITestOutputHelper output) : TransportTest(output)
{
    private Socket? _made;

    public static TheoryData<TransportKind, Family> Families => Cases.Cross(OnAll, [Family.IPv4, Family.Unix]);

    [Theory, MemberData(nameof(Families))]
    public async Task Disposing_of_it_returns_at_once_and_ends_the_endpoint_without_a_word(
        TransportKind transport,
        Family family)
    {
        await using TransportHost host = Create(transport);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Task<ConnectionContext?> accepting = listener.AcceptAsync().AsTask();

        await Task.Run(_made!.Dispose).Within("the disposal of the listen socket");

        await AssertRefusedAsync(listener.EndPoint);
        Assert.Null(await accepting.Within("the end of accepting"));
        Assert.Null(await listener.AcceptAsync().Within("nothing to accept"));

        // The connection knows nothing of it.
        await client.SendAsync("ping");
        Assert.Equal("ping", await connection.ReadTextAsync(4));
        await connection.WriteTextAsync("pong");
        Assert.Equal("pong", await client.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        client.Dispose();
        await listener.UnbindAsync().Within();
        Assert.DoesNotContain(host.Logs.Entries, entry => entry.Level >= LogLevel.Information);
    }

    [Theory, MemberData(nameof(OnAll))]
    public async Task It_may_be_disposed_of_by_a_callback_of_one_of_its_connections(TransportKind transport)
    {
        await using TransportHost host = Create(transport);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Task disposal = DisposeAfterReadAsync();
        await client.SendAsync("dispose");
        await disposal.Within("the disposal of the listen socket");
        Assert.Null(await listener.AcceptAsync().Within("the end of accepting"));
        await AssertRefusedAsync(listener.EndPoint);
        await connection.DisposeAsync().Within();
        client.Dispose();

        async Task DisposeAfterReadAsync()
        {
            await connection.Transport.Input.ReadAsync().ConfigureAwait(false);
            _made!.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnAll))]
    public async Task What_was_accepted_before_is_still_delivered(TransportKind transport)
    {
        await using TransportHost host = Create(transport);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await connection.DisposeAsync().Within();
        client.Dispose();

        await Task.Run(_made!.Dispose).Within("the disposal of the listen socket");
        while (await listener.AcceptAsync().Within("the end of accepting") is { } late)
        {
            await late.DisposeAsync().Within();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_host_whose_listen_socket_is_gone_serves_its_other_endpoints_and_stops(TransportKind transport)
    {
        var made = new List<Socket>();
        var setup = new TestServerSetup
        {
            EndPoints = [TestServerSetup.FreeLoopbackPort, TestServerSetup.FreeLoopbackPort],
            Transport = new TransportSettings
            {
                CreateBoundListenSocket = endPoint =>
                {
                    Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
                    made.Add(socket);
                    return socket;
                },
            },
        };
        await StartAsync(transport, _ => Task.CompletedTask, setup);
        EndPoint other = made[1].LocalEndPoint!;

        await Task.Run(made[0].Dispose).Within("the disposal of the listen socket");

        using RawClient client = await RawClient.ConnectAsync(other);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK", await client.ReadTextAsync(15), StringComparison.Ordinal);
    }

    private TransportHost Create(TransportKind transport) => TransportHost.Create(
        transport,
        options
            => options.CreateBoundListenSocket = endPoint
                => _made = SocketTransportOptions.CreateDefaultBoundListenSocket(
            endPoint));

    private static async Task AssertRefusedAsync(EndPoint endPoint)
    {
        SocketException refusal = await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(endPoint));
        Assert.True(
            refusal.SocketErrorCode
                is SocketError.ConnectionRefused or SocketError.AddressNotAvailable or SocketError.SocketError,
            $"{refusal.SocketErrorCode}");
    }
}
