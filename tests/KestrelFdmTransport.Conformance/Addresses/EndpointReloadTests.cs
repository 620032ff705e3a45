using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Addresses;

/// <summary>Endpoints that come and go by the configuration while connections live.</summary>
public sealed class EndpointReloadTests(ITestOutputHelper output) : OracleTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_unchanged_endpoint_keeps_its_connections(TransportKind transport)
    {
        int kept = FreePorts.InBothFamilies();
        int added = FreePorts.InBothFamilies();
        using var reload = new EndpointReload(kept);
        await StartAsync(
            transport, context => context.Response.WriteAsync($"{context.Connection.LocalPort}"), reload.Setup());
        using RawClient old = await RawClient.ConnectAsync(EndpointReload.EndPoint(kept));
        Assert.Equal($"{kept}", (await old.GetAsync("/")).Text);

        reload.Change(kept, added);
        await EndpointReload.UntilServedAsync(added).Within();
        Assert.Equal($"{kept}", (await old.GetAsync("/")).Text);
        using RawClient client = await RawClient.ConnectAsync(EndpointReload.EndPoint(added));
        Assert.Equal($"{added}", (await client.GetAsync("/")).Text);
        using RawClient another = await RawClient.ConnectAsync(EndpointReload.EndPoint(kept));
        Assert.Equal($"{kept}", (await another.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task The_connections_of_a_removed_endpoint_end_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            int removed = FreePorts.InBothFamilies();
            int added = FreePorts.InBothFamilies();
            var running = new Signal();
            var mayEnd = new Signal();
            using var reload = new EndpointReload(removed);
            TestServer server = await StartAsync(
                kind,
                async context =>
                {
                    if (context.Request.Path == "/wait")
                    {
                        running.Set();
                        await mayEnd.Task;
                    }

                    await context.Response.WriteAsync("answer");
                },
                reload.Setup());
            using RawClient idle = await RawClient.ConnectAsync(EndpointReload.EndPoint(removed));
            Assert.Equal("answer", (await idle.GetAsync("/")).Text);
            using RawClient busy = await RawClient.ConnectAsync(EndpointReload.EndPoint(removed));
            await busy.SendAsync(RawClient.Get("/wait"));
            await running.Task.Within();

            reload.Change(added);
            await transcript.StepAsync("idle", "read", idle.AssertFinAsync);
            mayEnd.Set();
            await transcript.StepAsync("busy", "reply", async () =>
            {
                HttpReply reply = await busy.ReadReplyAsync();
                bool hasHeader = reply.Headers.TryGetValue("Connection", out string? connection);
                return $"{reply.Text}, {(hasHeader ? connection : "keep-alive")}";
            });
            await transcript.StepAsync("busy", "read", busy.AssertFinAsync);

            await EndpointReload.UntilServedAsync(added).Within();
            await Assert.ThrowsAsync<SocketException>(() => RawClient.ConnectAsync(EndpointReload.EndPoint(removed)));

            // Kestrel names an address after it has been bound.
            await Eventually.UntilAsync(() => server.Addresses.Contains($"http://127.0.0.1:{added}"));
            Assert.Single(server.Addresses);
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_removed_endpoint_can_come_back(TransportKind transport)
    {
        int first = FreePorts.InBothFamilies();
        int second = FreePorts.InBothFamilies();
        using var reload = new EndpointReload(first);
        await StartAsync(
            transport, context => context.Response.WriteAsync($"{context.Connection.LocalPort}"), reload.Setup());

        foreach (int port in new[] { second, first, second, first })
        {
            reload.Change(port);
            await EndpointReload.UntilServedAsync(port).Within();
            using RawClient client = await RawClient.ConnectAsync(EndpointReload.EndPoint(port));
            Assert.Equal($"{port}", (await client.GetAsync("/")).Text);
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_port_in_use_costs_the_other_endpoints_nothing(TransportKind transport)
    {
        int kept = FreePorts.InBothFamilies();
        const string UnableToBind = "Unable to bind to";
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(TestServerSetup.FreeLoopbackPort);
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        using var reload = new EndpointReload(kept);
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync("kept"), reload.Setup(UnableToBind));
        using RawClient old = await RawClient.ConnectAsync(EndpointReload.EndPoint(kept));
        Assert.Equal("kept", (await old.GetAsync("/")).Text);

        reload.Change(kept, port);
        await server.Logs.FindAsync(entry => entry.Is(UnableToBind)).Within();
        Assert.Equal("kept", (await old.GetAsync("/")).Text);
        using RawClient client = await RawClient.ConnectAsync(EndpointReload.EndPoint(kept));
        Assert.Equal("kept", (await client.GetAsync("/")).Text);
    }
}
