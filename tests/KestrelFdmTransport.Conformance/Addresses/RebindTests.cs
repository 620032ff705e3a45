using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Addresses;

/// <summary>A server that starts where another one has just stopped.</summary>
public sealed class RebindTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_endpoint_can_be_bound_again_and_again(TransportKind transport)
    {
        EndPoint endPoint = TestServerSetup.FreeLoopbackPort;
        for (int i = 0; i < 5; i++)
        {
            string text = $"server {i}";
            TestServer server = await StartAsync(
                transport,
                context => context.Response.WriteAsync(text),
                new TestServerSetup { EndPoints = [endPoint] });
            endPoint = server.EndPoint;
            using RawClient client = await server.ConnectAsync();
            Assert.Equal(text, (await client.GetAsync("/")).Text);
            // The server is first to close, so its side is left in TIME_WAIT.
            await server.DisposeAsync();
            await client.AssertFinAsync();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Several_endpoints_can_be_bound_again(TransportKind transport)
    {
        EndPoint[] endPoints =
            [TestServerSetup.FreeLoopbackPort, TestServerSetup.FreeLoopbackPort, TestServerSetup.FreeLoopbackPort];
        for (int i = 0; i < 3; i++)
        {
            string text = $"server {i}";
            TestServer server = await StartAsync(
                transport,
                context => context.Response.WriteAsync(text),
                new TestServerSetup { EndPoints = endPoints });
            endPoints = [.. server.EndPoints];
            RawClient[] clients = await Task.WhenAll(endPoints.Select(endPoint => RawClient.ConnectAsync(endPoint)));
            foreach (RawClient client in clients)
            {
                Assert.Equal(text, (await client.GetAsync("/")).Text);
            }

            await server.DisposeAsync();
            foreach (RawClient client in clients)
            {
                await client.AssertFinAsync();
                client.Dispose();
            }
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_Unix_socket_can_be_bound_again(TransportKind transport)
    {
        string path = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
        for (int i = 0; i < 3; i++)
        {
            string text = $"server {i}";
            TestServer server = await StartAsync(
                transport,
                context => context.Response.WriteAsync(text),
                new TestServerSetup { EndPoints = [new UnixDomainSocketEndPoint(path)] });
            using RawClient client = await RawClient.ConnectAsync(server.EndPoints[0]);
            Assert.Equal(text, (await client.GetAsync("/")).Text);
            await server.DisposeAsync();
            await client.AssertFinAsync();
        }
    }
}
