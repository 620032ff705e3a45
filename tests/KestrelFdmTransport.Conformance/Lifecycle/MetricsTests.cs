using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>
/// Kestrel's metrics, whose tags and error types come from what a transport says about addresses and ends.
/// </summary>
public sealed class MetricsTests(ITestOutputHelper output) : OracleTest(output)
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(0.3);

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_served_connection_over_IPv4_is_measured_as_on_Sockets(TransportKind transport)
        => CompareAsync(transport, new TestServerSetup(), GetAndLeaveAsync);

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_served_connection_over_IPv6_is_measured_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        var setup = new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.IPv6Loopback, 0)] };
        return CompareAsync(transport, setup, GetAndLeaveAsync);
    }

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_served_connection_over_IPv4_to_the_IPv6_wildcard_is_measured_as_on_Sockets(TransportKind transport)
    {
        IPv6.SkipIfMissing();
        return CompareAsync(
            transport,
            new TestServerSetup { EndPoints = [new IPEndPoint(IPAddress.IPv6Any, 0)] },
            async server =>
            {
                using RawClient client = await RawClient.ConnectAsync(
                    new IPEndPoint(IPAddress.Loopback, server.EndPoint.Port));
                Assert.Equal(200, (await client.GetAsync("/")).Status);
            });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_served_connection_over_a_Unix_socket_is_measured_as_on_Sockets(TransportKind transport)
    {
        string path = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
        await CompareAsync(
            transport, new TestServerSetup { EndPoints = [new UnixDomainSocketEndPoint(path)] }, GetAndLeaveAsync);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_reset_between_requests_is_measured_as_on_Sockets(TransportKind transport)
        => CompareAsync(transport, new TestServerSetup(), GetAndResetAsync);

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_reset_while_a_handler_runs_is_measured_as_on_Sockets(TransportKind transport)
        => CompareAsync(transport, new TestServerSetup(), server => SendAndResetAsync(server, RawClient.Get("/wait")));

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_reset_within_a_body_is_measured_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(
            transport,
            new TestServerSetup { ExpectedError = TestServerSetup.DrainError },
            server
                => SendAndResetAsync(server, "POST /wait HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart"));
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_FIN_while_a_handler_runs_is_measured_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, new TestServerSetup(), async server =>
        {
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(RawClient.Get("/wait"));
            await server.Logs.FindAsync(entry => entry.Is("Request starting")).Within();
            client.HalfClose();
            await client.AssertFinAsync();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_abort_by_the_application_is_measured_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, new TestServerSetup(), async server =>
        {
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(RawClient.Get("/abort"));
            await client.AssertResetAsync();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_request_that_is_none_is_measured_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, new TestServerSetup(), async server =>
        {
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync("this is no request\r\n\r\n");
            Assert.Equal(400, (await client.ReadReplyAsync()).Status);
            await client.AssertFinAsync();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task Timeouts_are_measured_as_on_Sockets(TransportKind transport)
    {
        var setup = new TestServerSetup
        {
            Kestrel = kestrel =>
            {
                kestrel.Limits.KeepAliveTimeout = s_short;
                kestrel.Limits.RequestHeadersTimeout = s_short;
                kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(1024 * 1024, TimeSpan.FromSeconds(1.01));
            },
            ExpectedError = TestServerSetup.DrainError,
        };
        string[] beginnings =
            ["", "GET / HTTP/1.1\r\n", "POST /read HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\npart"];
        return CompareAsync(transport, (kind, transcript) => Task.WhenAll(beginnings.Select(async beginning =>
        {
            var measured = new Transcript();
            await MeasureAsync(kind, measured, setup, async server =>
            {
                using RawClient client = await server.ConnectAsync();
                await client.SendAsync(beginning);
                await client.ReadToEndAsync();
            });
            transcript.Add($"after '{beginning}'", measured.ToString());
        })));
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_rejected_connection_is_measured_as_on_Sockets(TransportKind transport)
    {
        var setup = new TestServerSetup { Kestrel = kestrel => kestrel.Limits.MaxConcurrentConnections = 1 };
        return CompareAsync(transport, setup, async server =>
        {
            using RawClient first = await server.ConnectAsync();
            Assert.Equal(200, (await first.GetAsync("/")).Status);
            using (RawClient rejected = await server.ConnectAsync())
            {
                await rejected.AssertFinAsync();
                await server.UntilConnectionsStoppedAsync();
            }

            first.HalfClose();
            await first.AssertFinAsync();
            await server.UntilConnectionsStoppedAsync(2);
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_upgraded_connection_is_measured_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, new TestServerSetup(), async server =>
        {
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(
                "GET /upgrade HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
            Assert.Equal(101, (await client.ReadHeadAsync()).Status);
            await client.AssertFinAsync();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_request_that_the_stop_aborts_is_measured_as_on_Sockets(TransportKind transport)
    {
        var setup = new TestServerSetup { ShutdownTimeout = s_short, AbortsWhenStopping = true };
        return CompareAsync(transport, setup, async server =>
        {
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(RawClient.Get("/wait"));
            await server.Logs.FindAsync(entry => entry.Is("Request starting")).Within();
            await server.StopAsync().Within();
            await client.AssertResetAsync();
        });
    }

    private static async Task GetAndLeaveAsync(TestServer server)
    {
        using RawClient client = await RawClient.ConnectAsync(server.EndPoints[0]);
        Assert.Equal(200, (await client.GetAsync("/")).Status);
        Assert.Equal(200, (await client.GetAsync("/")).Status);
    }

    private static async Task GetAndResetAsync(TestServer server)
    {
        RawClient client = await server.ConnectAsync();
        Assert.Equal(200, (await client.GetAsync("/")).Status);
        client.Reset();
    }

    private static async Task SendAndResetAsync(TestServer server, string request)
    {
        RawClient client = await server.ConnectAsync();
        await client.SendAsync(request);
        await server.Logs.FindAsync(entry => entry.Is("Request starting")).Within();
        client.Reset();
    }

    private static async Task HandleAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/wait":
                var aborted = new Signal();
                context.RequestAborted.Register(aborted.Set);
                await aborted.Task;
                break;
            case "/abort":
                context.Abort();
                break;
            case "/read":
                await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null));
                break;
            case "/upgrade":
                await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
                break;
            default:
                await context.Response.WriteAsync("hello");
                break;
        }
    }

    private Task CompareAsync(TransportKind transport, TestServerSetup setup, Func<TestServer, Task> clients)
        => CompareAsync(transport, (kind, transcript) => MeasureAsync(kind, transcript, setup, clients));

    private async Task MeasureAsync(
        TransportKind transport, Transcript transcript, TestServerSetup setup, Func<TestServer, Task> clients)
    {
        using var story = new MeterTranscript();
        TestServer server = await StartAsync(transport, HandleAsync, With(setup, story));
        await clients(server);
        await server.UntilConnectionsStoppedAsync();
        await server.DisposeAsync();
        Assert.NotEqual(0, story.CountOf("kestrel.connection.duration"));
        story.AddTo(transcript);
    }

    private static TestServerSetup With(TestServerSetup setup, MeterTranscript story) => new()
    {
        EndPoints = setup.EndPoints,
        Kestrel = setup.Kestrel,
        ShutdownTimeout = setup.ShutdownTimeout,
        AbortsWhenStopping = setup.AbortsWhenStopping,
        ExpectedError = setup.ExpectedError,
        Pipeline = story.Watch,
    };
}
