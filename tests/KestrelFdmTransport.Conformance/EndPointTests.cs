using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>What can be listened on, and what is left of it afterwards.</summary>
public sealed class EndPointTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task IPv4_loopback_is_served_on_the_port_that_the_server_shows(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, DescribeConnection);
        Assert.NotEqual(0, server.EndPoint.Port);
        Assert.Equal($"http://127.0.0.1:{server.EndPoint.Port}", Assert.Single(server.Addresses));

        using RawClient client = await server.ConnectAsync();
        Assert.Equal($"{client.LocalEndPoint} {server.EndPoint}", (await client.GetAsync("/")).Text);
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task IPv6_loopback_is_served(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        var setup = new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.IPv6Loopback, 0)] };
        TestServer server = await StartAsync(transport, DescribeConnection, setup);

        using RawClient client = await server.ConnectAsync();
        Assert.Equal($"{client.LocalEndPoint} {server.EndPoint}", (await client.GetAsync("/")).Text);
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task IPv6_loopback_is_not_reached_over_IPv4(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        var setup = new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.IPv6Loopback, 0)] };
        TestServer server = await StartAsync(transport, DescribeConnection, setup);

        await AssertRefusedAsync(new IPEndPoint(IPAddress.Loopback, server.EndPoint.Port));
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task The_IPv6_wildcard_serves_both_families(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        var setup = new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.IPv6Any, 0)] };
        TestServer server = await StartAsync(transport, DescribeConnection, setup);
        int port = server.EndPoint.Port;

        using RawClient four = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        int fourPort = ((IPEndPoint)four.LocalEndPoint).Port;
        Assert.Equal(
            $"[::ffff:127.0.0.1]:{fourPort} [::ffff:127.0.0.1]:{port}",
            (await four.GetAsync("/")).Text);

        using RawClient six = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.IPv6Loopback, port));
        Assert.Equal($"{six.LocalEndPoint} {six.RemoteEndPoint}", (await six.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_IPv4_wildcard_shows_the_address_that_the_client_used(TransportKind transport)
    {
        var setup = new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.Any, 0)] };
        TestServer server = await StartAsync(transport, DescribeConnection, setup);

        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, server.EndPoint.Port));
        Assert.Equal($"{client.LocalEndPoint} {client.RemoteEndPoint}", (await client.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_Unix_socket_file_exists_while_the_server_listens(TransportKind transport)
    {
        string path = TemporarySocketPath();
        var setup = new TestServerSetup { EndPoints = [new UnixDomainSocketEndPoint(path)] };
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("unix"), setup);
        Assert.True(File.Exists(path));

        using (RawClient client = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path)))
        {
            Assert.Equal("unix", (await client.GetAsync("/")).Text);
            Assert.Equal("unix", (await client.GetAsync("/")).Text);
        }

        await server.StopAsync().Within();
        Assert.False(File.Exists(path));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_Unix_socket_is_served_by_the_address_of_a_url(TransportKind transport)
    {
        string path = TemporarySocketPath();
        var setup = new TestServerSetup { EndPoints = [], Url = $"http://unix:{path}" };
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("unix"), setup);

        using (RawClient client = await RawClient.ConnectAsync(new UnixDomainSocketEndPoint(path)))
        {
            Assert.Equal("unix", (await client.GetAsync("/")).Text);
        }

        await server.StopAsync().Within();
        Assert.False(File.Exists(path));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_Unix_socket_carries_a_large_body_both_ways(TransportKind transport)
    {
        const int Length = 8 * 1024 * 1024;
        string path = TemporarySocketPath();
        var setup = new TestServerSetup { EndPoints = [new UnixDomainSocketEndPoint(path)] };
        TestServer server = await StartAsync(transport, Handlers.EchoBody, setup);

        using RawClient client = await RawClient.ConnectAsync(server.EndPoints[0]);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
        Task sending = client.SendPatternAsync(Length);
        await client.ReadHeadAsync();
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await sending.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abstract_Unix_socket_is_served(TransportKind transport)
    {
        var endPoint = new UnixDomainSocketEndPoint($"\0fdm-test-{Guid.NewGuid():N}");
        var setup = new TestServerSetup { EndPoints = [endPoint] };
        await StartAsync(transport, context => context.Response.WriteAsync("abstract"), setup);

        using RawClient client = await RawClient.ConnectAsync(endPoint);
        Assert.Equal("abstract", (await client.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_listen_handle_stays_the_callers(TransportKind transport)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(TestServerSetup.FreeLoopbackPort);
        var bound = (IPEndPoint)socket.LocalEndPoint!;
        string descriptor = Descriptors.Describe(socket);

        var setup =
            new TestServerSetup { EndPoints = [new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto)] };
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("handle"), setup);
        Assert.Equal(bound, server.EndPoint);
        using (RawClient client = await server.ConnectAsync())
        {
            Assert.Equal("handle", (await client.GetAsync("/")).Text);
        }

        await server.DisposeAsync();
        Assert.Equal(descriptor, Descriptors.Describe(socket));
        Assert.Equal(bound, socket.LocalEndPoint);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_bound_socket_of_the_applications_making_is_used(TransportKind transport)
    {
        List<EndPoint> asked = [];
        var inherited = new Signal<object?>();
        var setup = new TestServerSetup
        {
            Transport = new TransportSettings
            {
                CreateBoundListenSocket = endPoint =>
                {
                    asked.Add(endPoint);
                    var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
                    socket.Bind(endPoint);
                    return socket;
                },
            },
        };
        TestServer server = await StartAsync(
            transport,
            context =>
            {
                Socket socket = context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
                inherited.Set(socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
                return Task.CompletedTask;
            },
            setup);

        using RawClient client = await server.ConnectAsync();
        Assert.Equal(200, (await client.GetAsync("/")).Status);
        Assert.Equal(TestServerSetup.FreeLoopbackPort, Assert.Single(asked));
        Assert.Equal(1, await inherited.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Two_endpoints_are_served_at_once(TransportKind transport)
    {
        string path = TemporarySocketPath();
        var setup = new TestServerSetup
        {
            EndPoints =
            [
                TestServerSetup.FreeLoopbackPort, TestServerSetup.FreeLoopbackPort,
                new UnixDomainSocketEndPoint(path)
            ],
        };
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("hello"), setup);
        Assert.Distinct(server.EndPoints);

        foreach (EndPoint endPoint in server.EndPoints)
        {
            using RawClient client = await RawClient.ConnectAsync(endPoint);
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_address_in_use_is_an_IOException_with_an_AddressInUseException(TransportKind transport)
    {
        TestServer first = await StartAsync(transport, _ => Task.CompletedTask);

        IOException failure = await Assert.ThrowsAsync<IOException>(
            () => StartAsync(transport, _ => Task.CompletedTask, new TestServerSetup { EndPoints = [first.EndPoint] }));
        AddressInUseException inner = Assert.IsType<AddressInUseException>(failure.InnerException);
        Assert.IsType<SocketException>(inner.InnerException);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_port_can_be_bound_again_while_a_client_of_the_former_server_lingers(TransportKind transport)
    {
        TestServer former = await StartAsync(transport, context => context.Response.WriteAsync("former"));
        using RawClient lingering = await former.ConnectAsync();
        Assert.Equal("former", (await lingering.GetAsync("/")).Text);
        await former.DisposeAsync();

        TestServer latter = await StartAsync(
            transport,
            context => context.Response.WriteAsync("latter"),
            new TestServerSetup { EndPoints = [former.EndPoint] });
        using RawClient client = await latter.ConnectAsync();
        Assert.Equal("latter", (await client.GetAsync("/")).Text);
        await lingering.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task After_the_stop_connections_are_refused(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask);
        using (RawClient client = await server.ConnectAsync())
        {
            Assert.Equal(200, (await client.GetAsync("/")).Status);
        }

        await server.StopAsync().Within();
        await AssertRefusedAsync(server.EndPoint);
    }

    private static async Task AssertRefusedAsync(EndPoint endPoint)
    {
        SocketException refusal = await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(endPoint));
        Assert.Equal(SocketError.ConnectionRefused, refusal.SocketErrorCode);
    }

    private static Task DescribeConnection(HttpContext context)
    {
        ConnectionInfo connection = context.Connection;
        return context.Response.WriteAsync(
            $"{new IPEndPoint(connection.RemoteIpAddress!, connection.RemotePort)} "
            + $"{new IPEndPoint(connection.LocalIpAddress!, connection.LocalPort)}");
    }

    private static string TemporarySocketPath() => Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
}
