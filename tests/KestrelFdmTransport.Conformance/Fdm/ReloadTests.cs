using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Addresses;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>A configuration that changes for as long as the server runs.</summary>
[Collection(NonParallel.Name)]
public sealed class ReloadTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Reloads = 1_000;

    [Fact]
    public async Task An_endpoint_that_moves_a_thousand_times_leaves_neither_threads_nor_descriptors_nor_blocks()
    {
        int first = FreePorts.InBothFamilies();
        int second = FreePorts.InBothFamilies();
        int steady = FreePorts.InBothFamilies();
        using var reload = new EndpointReload(steady, first);
        TestServer server = await StartAsync(
            TransportKind.Fdm,
            context => context.Response.WriteAsync($"{context.Connection.LocalPort}"),
            reload.Setup());
        using RawClient kept = await RawClient.ConnectAsync(EndpointReload.EndPoint(steady));
        int loops = 0;
        int descriptors = 0;
        for (int i = 0; i <= Reloads; i++)
        {
            int port = i % 2 == 0 ? second : first;
            reload.Change(steady, port);
            await EndpointReload.UntilServedAsync(port).Within();
            using (RawClient client = await RawClient.ConnectAsync(EndpointReload.EndPoint(port)))
            {
                Assert.Equal($"{port}", (await client.GetAsync("/")).Text);
            }

            if (i == 0)
            {
                loops = ProcessState.Threads("fdm-loop").Count;
                descriptors = ProcessState.Descriptors();
            }
        }

        Assert.Equal($"{steady}", (await kept.GetAsync("/")).Text);
        Assert.InRange(ProcessState.Threads("fdm-loop").Count, 1, loops);
        await Eventually.UntilAsync(
            () => ProcessState.Descriptors() <= descriptors,
            () => $"{ProcessState.Descriptors()} descriptors, {descriptors} before");
        kept.Dispose();
        await server.StopAsync().Within();
        Assert.Equal(0, server.Pool.Rented);
    }
}
