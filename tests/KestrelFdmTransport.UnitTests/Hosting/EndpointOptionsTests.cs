using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Options by endpoint in servers as applications make them: in code, by the configuration, and both.
/// </summary>
public sealed class EndpointOptionsTests : IDisposable
{
    private const string None = "-00:00:00.0010000";

    private static readonly IPAddress s_other = IPAddress.Parse("127.0.0.2");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fdm");

    private string UnixPath => Path.Combine(_folder.FullName, "s");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task In_code_each_endpoint_has_its_own()
    {
        await using EndpointServer server = await EndpointServer.StartAsync(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(options =>
            {
                options.Scheduling = ApplicationScheduling.ThreadPool;
                options.IdleTimeout = TimeSpan.FromHours(1);
                options.NoDelay = false;
            }));
            kestrel.Listen(s_other, 0, listen => listen.UseFdm(options =>
            {
                options.Scheduling = ApplicationScheduling.Inline;
                options.IdleTimeout = TimeSpan.FromHours(2);
            }));
            kestrel.ListenUnixSocket(UnixPath);
        });

        await AssertAsync(
            server,
            (ApplicationScheduling.ThreadPool, "01:00:00 Nagle"),
            (ApplicationScheduling.Inline, "02:00:00 at once"),
            (ApplicationScheduling.Adaptive, None));
    }

    [Fact]
    public async Task By_the_configuration_each_endpoint_has_its_own()
    {
        await using EndpointServer server = await EndpointServer.StartAsync(configuration:
        [
            ("Endpoints:A:Url", "http://127.0.0.1:0"),
            ("Endpoints:A:Fdm:Scheduling", "threadpool"),
            ("Endpoints:A:Fdm:IdleTimeout", "01:00:00"),
            ("Endpoints:A:Fdm:NoDelay", "false"),
            ("Endpoints:B:Url", "http://127.0.0.2:0"),
            ("Endpoints:B:Fdm:idleTimeout", "02:00:00"),
            ("Endpoints:C:Url", $"http://unix:{UnixPath}"),
            ("Endpoints:C:Fdm:UnixSocketFileMode", "600"),
        ]);

        await AssertAsync(
            server,
            (ApplicationScheduling.ThreadPool, "01:00:00 Nagle"),
            (ApplicationScheduling.Adaptive, "02:00:00 at once"),
            (ApplicationScheduling.Adaptive, None));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(UnixPath).UnixFileMode);
    }

    [Fact]
    public async Task An_option_that_an_endpoint_does_not_set_is_the_transport_s()
    {
        await using EndpointServer server = await EndpointServer.StartAsync(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(
                options => options.Scheduling = ApplicationScheduling.ThreadPool)),
            [("FdmTransport:IdleTimeout", "03:00:00")],
            transport => transport.NoDelay = false);

        await AssertAsync(server, (ApplicationScheduling.ThreadPool, "03:00:00 Nagle"));
    }

    [Fact]
    public async Task Code_comes_after_the_configuration_of_the_endpoint_and_that_after_the_transport()
    {
        await using EndpointServer server = await EndpointServer.StartAsync(
            kestrel => kestrel.ConfigureEndpointDefaults(listen => listen.UseFdm(options =>
            {
                Assert.Equal((TimeSpan.FromHours(2), false), (options.IdleTimeout, options.NoDelay));
                options.IdleTimeout = TimeSpan.FromHours(3);
            })),
            [
                ("Endpoints:A:Url", "http://127.0.0.1:0"),
                ("Endpoints:A:Fdm:IdleTimeout", "02:00:00"),
                ("Endpoints:A:Fdm:NoDelay", "false"),
            ],
            transport => transport.IdleTimeout = TimeSpan.FromHours(1));

        await AssertAsync(server, (ApplicationScheduling.Adaptive, "03:00:00 Nagle"));
    }

    [Fact]
    public async Task Several_calls_for_an_endpoint_add_up()
    {
        int calls = 0;
        await using EndpointServer server = await EndpointServer.StartAsync(kestrel =>
        {
            kestrel.ConfigureEndpointDefaults(listen => listen.UseFdm(options =>
            {
                calls++;
                options.IdleTimeout = TimeSpan.FromHours(1);
                options.NoDelay = false;
            }));
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen
                .UseFdm(options => options.Scheduling = ApplicationScheduling.Inline)
                .UseFdm(options => options.IdleTimeout = TimeSpan.FromHours(2)));
        });

        await AssertAsync(server, (ApplicationScheduling.Inline, "02:00:00 Nagle"));
        Assert.Equal(1, calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Localhost_has_them_in_both_families(bool inCode)
    {
        int port = FreePorts.InBothFamilies();
        await using EndpointServer server = inCode
            ? await EndpointServer.StartAsync(kestrel => kestrel.ListenLocalhost(
                port, listen => listen.UseFdm(options => options.IdleTimeout = TimeSpan.FromHours(1))))
            : await EndpointServer.StartAsync(configuration:
            [
                ("Endpoints:A:Url", $"http://localhost:{port}"),
                ("Endpoints:A:Fdm:IdleTimeout", "01:00:00"),
            ]);

        (ApplicationScheduling, string) expected = (ApplicationScheduling.Adaptive, "01:00:00 at once");
        await AssertAsync(server, [.. server.Endpoints.Select(_ => expected)]);
        Assert.Equal(Socket.OSSupportsIPv6 ? 2 : 1, server.Endpoints.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Any_address_has_them(bool inCode)
    {
        await using EndpointServer server = inCode
            ? await EndpointServer.StartAsync(kestrel => kestrel.ListenAnyIP(
                0, listen => listen.UseFdm(options => options.IdleTimeout = TimeSpan.FromHours(1))))
            : await EndpointServer.StartAsync(configuration:
            [
                ("Endpoints:A:Url", "http://*:0"),
                ("Endpoints:A:Fdm:IdleTimeout", "01:00:00"),
            ]);

        int port = ((IPEndPoint)Assert.Single(server.Endpoints).EndPoint).Port;
        Assert.Equal(
            "01:00:00 at once", await EndpointServer.AskAsync(new IPEndPoint(IPAddress.Loopback, port)));
    }

    [Fact]
    public async Task A_handle_has_them()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using EndpointServer server = await EndpointServer.StartAsync(kestrel => kestrel.ListenHandle(
            (ulong)socket.Handle,
            listen => listen.UseFdm(options =>
            {
                options.IdleTimeout = TimeSpan.FromHours(1);
                options.NoDelay = false;
            })));

        await AssertAsync(server, (ApplicationScheduling.Adaptive, "01:00:00 Nagle"));
    }

    [Fact]
    public async Task A_listen_socket_for_each_loop_is_an_option_of_an_endpoint()
    {
        var created = new List<EndPoint>();
        await using EndpointServer server = await EndpointServer.StartAsync(
            kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(options =>
                {
                    options.ReusePort = true;
                    options.CreateBoundListenSocket = endPoint =>
                    {
                        created.Add(endPoint);
                        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                        socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(1));
                        socket.Bind(endPoint);
                        return socket;
                    };
                }));
                kestrel.Listen(s_other, 0);
            },
            transport: options => options.LoopCount = 3);

        Assert.Equal(3, created.Count);
        await AssertAsync(
            server,
            (ApplicationScheduling.Adaptive, $"{None} at once"),
            (ApplicationScheduling.Adaptive, $"{None} at once"));
    }

    [Fact]
    public async Task The_line_at_start_names_a_scheduling_that_differs()
    {
        using var log = new LineLog();
        await using EndpointServer server = await EndpointServer.StartAsync(
            kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0);
                kestrel.Listen(s_other, 0, listen => listen.UseFdm(
                    options => options.Scheduling = ApplicationScheduling.Inline));
            },
            build: builder => builder.Services.AddSingleton<ILoggerFactory>(log));

        Assert.Equal(
            $"Information 54 The FDM transport serves {server.Endpoints[0].EndPoint}, {server.Endpoints[1].EndPoint} "
                + "(Inline): 1 event loop(s), Adaptive scheduling.",
            Assert.Single(log.Lines, line => line.Contains(" 54 ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_changed_section_counts_when_Kestrel_binds_the_endpoint_again()
    {
        int port = FreePorts.InBothFamilies();
        var endPoint = new IPEndPoint(IPAddress.Loopback, port);
        await using EndpointServer server = await EndpointServer.StartAsync(configuration:
        [
            ("Endpoints:A:Url", $"http://127.0.0.1:{port}"),
            ("Endpoints:A:Fdm:IdleTimeout", "01:00:00"),
            ("Endpoints:B:Url", "http://127.0.0.2:0"),
            ("Endpoints:B:Fdm:IdleTimeout", "02:00:00"),
        ]);
        EndPoint unchanged = server.Endpoints[1].EndPoint;
        Assert.Equal("01:00:00 at once", await EndpointServer.AskAsync(endPoint));

        server.Change(("Endpoints:A:Fdm:IdleTimeout", "03:00:00"), ("Endpoints:A:Fdm:Scheduling", "Inline"));
        await Eventually.UntilAsync(() => server.Endpoints.Any(
            endpoint => endpoint.Scheduling == ApplicationScheduling.Inline));

        Assert.Equal("03:00:00 at once", await EndpointServer.AskAsync(endPoint));
        Assert.Equal("02:00:00 at once", await EndpointServer.AskAsync(unchanged));
    }

    [Fact]
    public async Task A_reload_with_a_bad_value_costs_the_endpoint_until_the_next_one()
    {
        int port = FreePorts.InBothFamilies();
        using var log = new LineLog();
        await using EndpointServer server = await EndpointServer.StartAsync(
            configuration:
            [
                ("Endpoints:A:Url", $"http://127.0.0.1:{port}"),
                ("Endpoints:A:Fdm:IdleTimeout", "01:00:00"),
                ("Endpoints:B:Url", "http://127.0.0.2:0"),
            ],
            build: builder => builder.Services.AddSingleton<ILoggerFactory>(log));

        server.Change(("Endpoints:A:Fdm:IdleTimeout", "00:00:00"));
        await Eventually.UntilAsync(() => log.Lines.Any(
            line => line.Contains("Unable to bind", StringComparison.Ordinal)));
        Assert.Equal($"{None} at once", await EndpointServer.AskAsync(Assert.Single(server.Endpoints).EndPoint));

        server.Change(("Endpoints:A:Fdm:IdleTimeout", "04:00:00"));
        await Eventually.UntilAsync(() => server.Endpoints.Count == 2);
        Assert.Equal("04:00:00 at once", await EndpointServer.AskAsync(new IPEndPoint(IPAddress.Loopback, port)));
    }

    [Fact]
    public async Task Where_Sockets_serves_an_endpoint_it_has_no_options()
    {
        await using EndpointServer server = await EndpointServer.StartAsync(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(
                options => options.IdleTimeout = TimeSpan.FromHours(1))),
            build: builder => builder.Services.AddSingleton(
                services => new FdmTransportFactory(
                    services.GetRequiredService<IOptions<FdmTransportOptions>>(),
                    services.GetRequiredService<ILoggerFactory>())
                {
                    Probe = static () => "it is forbidden."
                }));

        Assert.Empty(server.Endpoints);
        int port = new Uri(Assert.Single(server.Urls)).Port;
        Assert.Equal(
            "Sockets at once", await EndpointServer.AskAsync(new IPEndPoint(IPAddress.Loopback, port)));
    }

    /// <summary>The endpoints in the order in which Kestrel binds them.</summary>
    private static async Task AssertAsync(
        EndpointServer server, params (ApplicationScheduling Scheduling, string Answer)[] expected)
    {
        var actual = new List<(ApplicationScheduling, string)>();
        foreach (EndpointStatistics endpoint in server.Endpoints)
        {
            actual.Add((endpoint.Scheduling, await EndpointServer.AskAsync(endpoint.EndPoint)));
        }

        Assert.Equal(expected, actual);
    }
}
