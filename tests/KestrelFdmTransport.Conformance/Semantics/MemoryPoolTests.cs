using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Where a connection's memory comes from and when it goes back.</summary>
public sealed class MemoryPoolTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const int BlockSize = 4096;

    public static TheoryData<TransportKind, int, int> Sizes
    {
        get
        {
            var rows = new TheoryData<TransportKind, int, int>();
            foreach (object?[] row in (IEnumerable<object?[]>)OnBoth)
            {
                var transport = (TransportKind)row[0]!;
                rows.Add(transport, BlockSize, BlockSize);
                rows.Add(transport, 512, 512);
                rows.Add(transport, 1, 1);
                rows.Add(transport, 100_000, 100_000);
                rows.Add(transport, 100_000, int.MaxValue);
                rows.Add(transport, 1, int.MaxValue);
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Pools_are_Kestrels_and_end_with_the_listener(TransportKind transport)
    {
        var pool = new FixedSizePoolFactory(BlockSize, BlockSize);
        await using TransportHost host = TransportHost.Create(transport, pool: pool);
        IConnectionListener listener = await host.BindAsync();
        await EchoAsync(listener, 8 * 1024);
        Assert.NotEmpty(pool.Owners);
        Assert.All(pool.Owners, owner => Assert.Equal("kestrel", owner));
        Assert.Equal(0, pool.DisposedPools);
        await listener.UnbindAsync().Within();
        Assert.Equal(0, pool.DisposedPools);
        await listener.DisposeAsync().Within();
        Assert.Equal(pool.Pools, pool.DisposedPools);
        Assert.Equal(0, pool.Rented);
    }

    [Theory, MemberData(nameof(Sizes))]
    public async Task Blocks_of_any_size_will_do(TransportKind transport, int blockSize, int maxBufferSize)
    {
        int length = blockSize < 512 ? 8 * 1024 : 256 * 1024;
        var pool = new FixedSizePoolFactory(blockSize, maxBufferSize);
        await using TransportHost host = TransportHost.Create(transport, pool: pool);
        IConnectionListener listener = await host.BindAsync();
        await EchoAsync(listener, length);
        await Eventually.UntilAsync(() => pool.Rented == 0);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task As_much_memory_is_given_as_is_asked_for(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        PipeWriter writer = connection.Transport.Output;
        int total = 0;
        foreach (int size in new[] { 0, 1, 2048, BlockSize, BlockSize + 1, 100_000, 1, -1, int.MinValue })
        {
            transcript.Step(App, $"{size} bytes", () =>
            {
                Memory<byte> memory = writer.GetMemory(size);
                memory.Span[..Math.Max(size, 1)].Fill((byte)'x');
                writer.Advance(Math.Max(size, 1));
                total += Math.Max(size, 1);
                return $"{memory.Length >= Math.Max(size, 1)}";
            });
        }

        transcript.Step(App, "advance too far", () =>
        {
            writer.Advance(writer.GetMemory().Length + 1);
            return "done";
        });
        transcript.Step(App, "advance back", () =>
        {
            writer.Advance(-1);
            return "done";
        });
        transcript.Add(App, $"{writer.UnflushedBytes == total}");
        await writer.FlushAsync().Within();
        byte[] received = await client.ReadExactlyAsync(total);
        transcript.Add("client", $"{received.All(value => value == (byte)'x')}");
        await connection.DisposeAsync().Within();
        client.Dispose();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_pool_without_memory_ends_the_receiving_of_a_connection(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        var pool = new FixedSizePoolFactory(BlockSize, BlockSize);
        await using TransportHost host = TransportHost.Create(kind, pool: pool);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        pool.Fails = true;
        await client.SendAsync("lost");
        await transcript.StepAsync(App, "read", connection.ReadOnceAsync);
        await connection.ClosedAsync();
        transcript.Step(App, "memory", () => $"{connection.Transport.Output.GetMemory(1).Length}");
        transcript.AddLog(host.Logs);
        pool.Fails = false;
        await transcript.StepAsync(App, "write", () => connection.WriteTextAsync("still here"));
        transcript.Add("client", await client.ReadTextAsync(10));
        await connection.DisposeAsync().Within();
        client.Dispose();
        await EchoAsync(listener, 8 * 1024);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_connection_that_outlives_its_listener_gets_no_more_memory_and_may_return_what_it_has(
        TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await client.SendAsync("held");
        ReadResult held = await connection.Transport.Input.ReadAsync().Within();
        await listener.DisposeAsync().Within();

        // Elsewhere than where the read continued: a thread may use a block again that it has just given back.
        await Task.Run(() =>
        {
            transcript.Step(App, "advance", () => connection.Take(held));
            transcript.Step(App, "memory", () => $"{connection.Transport.Output.GetMemory(1).Length}");
        });
        await connection.DisposeAsync().Within();
        transcript.Add("client", $"{(await client.ReadToEndAsync()).Length} bytes and FIN");
        client.Dispose();
    });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_connection_with_nothing_to_read_holds_no_block(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Assert.Equal(0, host.Pool.Rented);
        await client.SendAsync("ping");
        await connection.ReadTextAsync(4);
        await connection.WriteTextAsync("pong");
        await client.ReadTextAsync(4);
        client.HalfClose();
        await connection.ReadToEndAsync();
        await connection.DisposeAsync().Within();
        Assert.Equal(0, host.Pool.Rented);
        client.Dispose();
    }

    private static async Task EchoAsync(IConnectionListener listener, int length)
    {
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Task echo = Handlers.EchoRaw(connection);
        Task sending = client.SendPatternAsync(length);
        Assert.Equal(BytePattern.Default.Hash(length), await client.ReadHashAsync(length));
        await sending.Within();
        client.HalfClose();
        await echo.Within();
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        client.Dispose();
    }
}
