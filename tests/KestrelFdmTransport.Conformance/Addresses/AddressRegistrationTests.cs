using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Addresses;

/// <summary>What a server listens on when it is given an address, and how a refusal looks.</summary>
public sealed class AddressRegistrationTests(ITestOutputHelper output) : OracleTest(output)
{
    [Theory, MemberData(nameof(OnFdm))]
    public Task An_IPv4_url_is_bound_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(transport, "http://127.0.0.1:0");

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task An_IPv6_url_is_bound_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareUrlAsync(transport, "http://[::1]:0");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task The_IPv4_wildcard_is_bound_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareUrlAsync(transport, "http://0.0.0.0:0");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task The_IPv6_wildcard_is_bound_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareUrlAsync(transport, "http://[::]:0");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_host_name_is_bound_to_every_address_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareUrlAsync(transport, "http://any.name.example:0");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_star_is_bound_to_every_address_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareUrlAsync(transport, "http://*:0");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task Localhost_is_bound_in_both_families_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        await CompareUrlAsync(transport, $"http://localhost:{FreePorts.InBothFamilies()}");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_dynamic_port_of_localhost_is_refused_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(transport, "http://localhost:0");

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_unknown_scheme_is_refused_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(transport, "ftp://127.0.0.1:0");

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_path_base_is_refused_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(transport, "http://127.0.0.1:0/base");

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_address_of_another_machine_is_refused_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(transport, "http://192.0.2.1:0");

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_Unix_socket_in_a_missing_folder_is_refused_as_on_Sockets(TransportKind transport)
        => CompareUrlAsync(
            transport,
            $"http://unix:{Path.Combine(Path.GetTempPath(), "fdm-missing-folder", "socket")}");

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_IPv4_address_in_use_is_refused_as_on_Sockets(TransportKind transport)
    {
        using Socket taken = Take(IPAddress.Loopback);
        await CompareUrlAsync(transport, $"http://127.0.0.1:{PortOf(taken)}");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task An_IPv6_address_in_use_is_refused_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        using Socket taken = Take(IPAddress.IPv6Loopback);
        await CompareUrlAsync(transport, $"http://[::1]:{PortOf(taken)}");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task Localhost_with_its_IPv4_address_in_use_is_refused_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        using Socket taken = Take(IPAddress.Loopback);
        await CompareUrlAsync(transport, $"http://localhost:{PortOf(taken)}");
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task Localhost_with_its_IPv6_address_in_use_is_refused_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        using Socket taken = Take(IPAddress.IPv6Loopback);
        await CompareUrlAsync(transport, $"http://localhost:{PortOf(taken)}");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_Unix_socket_in_use_is_refused_as_on_Sockets(TransportKind transport)
    {
        string path = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
        using var taken = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        taken.Bind(new UnixDomainSocketEndPoint(path));
        taken.Listen();
        await CompareUrlAsync(transport, $"http://unix:{path}");
        Assert.True(File.Exists(path));
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task ListenLocalhost_is_bound_in_both_families_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        int port = FreePorts.InBothFamilies();
        await CompareAsync(
            transport,
            new TestServerSetup { EndPoints = [], Kestrel = kestrel => kestrel.ListenLocalhost(port) });
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public async Task ListenAnyIP_is_bound_in_both_families_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        await CompareAsync(
            transport,
            new TestServerSetup { EndPoints = [], Kestrel = kestrel => kestrel.ListenAnyIP(0) });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Two_endpoints_of_which_one_is_in_use_leave_nothing_bound_as_on_Sockets(TransportKind transport)
    {
        using Socket taken = Take(IPAddress.Loopback);
        int free = FreePorts.InBothFamilies();
        await CompareAsync(transport, new TestServerSetup
        {
            EndPoints = [new IPEndPoint(IPAddress.Loopback, free), new IPEndPoint(IPAddress.Loopback, PortOf(taken))],
        });
        using var again = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        again.Bind(new IPEndPoint(IPAddress.Loopback, free));
    }

    private static Socket Take(IPAddress address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        socket.Listen();
        return socket;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static Task DescribeAsync(HttpContext context)
    {
        ConnectionInfo connection = context.Connection;
        return context.Response.WriteAsync($"from {connection.RemoteIpAddress} to {connection.LocalIpAddress}");
    }

    private static string WithoutPort(string address) => address[..address.LastIndexOf(':')];

    private static IEnumerable<EndPoint> Reachable(string address)
    {
        BindingAddress binding = BindingAddress.Parse(address);
        return binding.IsUnixPipe
            ? [new UnixDomainSocketEndPoint(binding.UnixPipePath)]
            : [new IPEndPoint(IPAddress.Loopback, binding.Port), new IPEndPoint(IPAddress.IPv6Loopback, binding.Port)];
    }

    private Task CompareUrlAsync(TransportKind transport, string url)
        => CompareAsync(transport, new TestServerSetup { EndPoints = [], Url = url });

    private Task CompareAsync(TransportKind transport, TestServerSetup setup)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            TestServer? server = null;
            await transcript.StepAsync("server", "start", async () =>
            {
                server = await StartAsync(kind, DescribeAsync, setup);
            });
            if (server is null)
            {
                return;
            }

            foreach (string address in server.Addresses.Order(StringComparer.Ordinal))
            {
                transcript.Add("addresses", WithoutPort(address));
                foreach (EndPoint endPoint in Reachable(address))
                {
                    await transcript.StepAsync($"client of {endPoint.AddressFamily}", "get", async () =>
                    {
                        using RawClient client = await RawClient.ConnectAsync(endPoint);
                        return (await client.GetAsync("/")).Text;
                    });
                }
            }

            await server.DisposeAsync();
        });
    }
}
