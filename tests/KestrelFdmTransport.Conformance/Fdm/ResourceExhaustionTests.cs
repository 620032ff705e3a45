using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>What the rest of the process does to the transport.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class ResourceExhaustionTests
{
    [Fact]
    public async Task A_thousand_endpoints_come_and_go_and_leave_neither_threads_nor_descriptors_nor_blocks()
    {
        const int EndPoints = 1_000;
        await using var harness = new FdmHarness(TransportKind.Fdm);
        await BindAsync(harness);
        await Eventually.UntilAsync(() => ProcessState.Threads("fdm-loop").Count == 0);
        int descriptors = ProcessState.Descriptors();
        for (int i = 0; i < EndPoints; i++)
        {
            await BindAsync(harness);
        }

        await Eventually.UntilAsync(
            () => ProcessState.Threads("fdm-loop").Count == 0,
            () => string.Join(' ', ProcessState.Threads("fdm-")));
        await Eventually.UntilAsync(
            () => ProcessState.Descriptors() <= descriptors,
            () => $"{ProcessState.Descriptors()} descriptors, {descriptors} before");
        Assert.Equal(0, harness.Pool.Rented);
    }

    [Theory]
    [InlineData(TransportKind.Fdm)]
    [InlineData(TransportKind.FdmThreadPoolTwoLoops)]
    [InlineData(TransportKind.FdmInlineOneLoop)]
    public async Task Without_memory_from_the_pool_connections_end_and_with_memory_new_ones_are_served(
        TransportKind transport)
    {
        var pool = new FixedSizePoolFactory(4096, 4096);
        await using TransportHost host = TransportHost.Create(transport, pool: pool);
        IConnectionListener listener = await host.BindAsync();
        for (int round = 0; round < 5; round++)
        {
            pool.Fails = true;
            List<(RawClient Client, ConnectionContext Server)> hit = [];
            for (int i = 0; i < 40; i++)
            {
                RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
                await client.SendAsync("something");
                ConnectionContext? server = await listener.AcceptAsync().Within();
                hit.Add((client, server!));
            }

            // The loops have some blocks at hand, which the first ones get.
            await Eventually.UntilAsync(
                () => hit.Count(pair => pair.Server.ConnectionClosed.IsCancellationRequested) >= 20);
            pool.Fails = false;
            foreach ((RawClient client, ConnectionContext server) in hit)
            {
                await server.DisposeAsync();
                client.Dispose();
            }

            using RawClient next = await RawClient.ConnectAsync(listener.EndPoint);
            await using ConnectionContext? served = await listener.AcceptAsync().Within();
            await next.SendAsync("ping");
            Assert.Equal(4, (await served!.Transport.Input.ReadAtLeastAsync(4).Within()).Buffer.Length);
            await served.Transport.Output.WriteAsync("pong"u8.ToArray()).Within();
            Assert.Equal("pong"u8.ToArray(), await next.ReadExactlyAsync(4));
        }

        await listener.DisposeAsync().Within();
        Assert.Equal(0, pool.Rented);
    }

    private static async Task BindAsync(FdmHarness harness)
    {
        await using IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        await using ConnectionContext? connection = await listener.AcceptAsync().Within();
        await client.SendAsync("x");
        await connection!.Transport.Input.ReadAsync().Within();
        await listener.UnbindAsync().Within();
    }
}
