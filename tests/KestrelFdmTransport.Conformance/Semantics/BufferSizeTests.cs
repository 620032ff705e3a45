using System;
using System.IO.Pipelines;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>MaxReadBufferSize and MaxWriteBufferSize: where waiting begins and ends.</summary>
[Trait("Category", "Slow")]
public sealed class BufferSizeTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const int PauseEvent = 4;
    private const int ResumeEvent = 5;
    private const int Threshold = 8192;

    public static TheoryData<TransportKind, long?> Unlimited => Cases.Cross<long?>(OnBoth, [null, 0, 1L << 40]);

    [Theory, MemberData(nameof(OnFdm))]
    public Task Receiving_pauses_at_the_limit_and_not_one_byte_before(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind, options => options.MaxReadBufferSize = Threshold);
        IConnectionListener listener = await host.BindAsync();
        foreach (int length in new[] { Threshold - 1, Threshold })
        {
            (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
            await client.SendAsync(new byte[length]);
            if (length == Threshold)
            {
                await host.Logs.FindTransportEventAsync(PauseEvent).Within();
            }

            // What has not been read counts, what has been examined does not.
            transcript.Add(App, $"{(await connection.ReadTextAsync(length)).Length}");
            if (length == Threshold)
            {
                await host.Logs.FindTransportEventAsync(ResumeEvent).Within();
            }

            client.HalfClose();
            await transcript.StepAsync(App, "rest", connection.ReadToEndAsync);
            await connection.DisposeAsync().Within();
            client.Dispose();
        }

        transcript.AddLog(host.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Receiving_resumes_below_half_of_the_limit_and_not_at_half(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind, options => options.MaxReadBufferSize = Threshold);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await client.SendAsync(new byte[Threshold]);
        await host.Logs.FindTransportEventAsync(PauseEvent).Within();

        transcript.Add(App, $"{(await ConsumeAsync(connection, Threshold / 2))} left");
        await ElsewhereAsync(listener);
        transcript.Add(App, $"resumed: {Resumes(host)}");
        transcript.Add(App, $"{(await ConsumeAsync(connection, 1))} left");
        await host.Logs.FindTransportEventAsync(ResumeEvent).Within();
        transcript.Add(App, $"resumed: {Resumes(host)}");

        client.HalfClose();
        await connection.ReadToEndAsync();
        await connection.DisposeAsync().Within();
        client.Dispose();
        transcript.AddLog(host.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Bytes_that_are_examined_and_kept_do_not_pause_receiving(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind, options => options.MaxReadBufferSize = Threshold);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        PipeReader input = connection.Transport.Input;
        const int Step = Threshold / 4;
        for (int length = Step; length <= Threshold * 4; length += Step)
        {
            await client.SendAsync(new byte[Step]);
            ReadResult result = await input.ReadAsync().Within();
            while (result.Buffer.Length < length)
            {
                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                result = await input.ReadAsync().Within();
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }

        client.HalfClose();
        transcript.Add(App, $"{(await connection.ReadToEndAsync()).Length}");
        await connection.DisposeAsync().Within();
        client.Dispose();
        transcript.AddLog(host.Logs);
    });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_read_limit_of_one_byte_only_slows_down(TransportKind transport)
    {
        const int Length = 64 * 1024;
        await using TransportHost host = TransportHost.Create(transport, options => options.MaxReadBufferSize = 1);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        Task echo = Handlers.EchoRaw(connection);
        Task sending = client.SendPatternAsync(Length);
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await sending.Within();
        client.HalfClose();
        await echo.Within();
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        client.Dispose();
    }

    [Theory, MemberData(nameof(Unlimited))]
    public async Task Without_a_read_limit_everything_is_received(TransportKind transport, long? limit)
    {
        const int Length = 4 * 1024 * 1024;
        await using TransportHost host = TransportHost.Create(transport, options => options.MaxReadBufferSize = limit);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await client.SendPatternAsync(Length).Within();
        await Eventually.UntilAsync(() => host.Pool.Rented >= Length / CheckingMemoryPoolFactory.BlockSize);
        client.HalfClose();
        await connection.ClosedAsync();
        ReadResult result = await connection.Transport.Input.ReadAsync().Within();
        Assert.Equal((Length, true), (result.Buffer.Length, result.IsCompleted));
        connection.Transport.Input.AdvanceTo(result.Buffer.End);
        await connection.DisposeAsync().Within();
        Assert.DoesNotContain(host.Logs.Entries, entry => entry.IsFromTransport && entry.Id.Id == PauseEvent);
        client.Dispose();
    }

    [Theory, MemberData(nameof(Unlimited))]
    public async Task Without_a_write_limit_no_flush_waits(TransportKind transport, long? limit)
    {
        const int Chunk = 64 * 1024;
        const int Chunks = 128;
        await using TransportHost host = TransportHost.Create(transport, options => options.MaxWriteBufferSize = limit);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) =
            await TransportHost.ConnectAsync(listener, receiveBufferSize: 16 * 1024);
        byte[] chunk = new byte[Chunk];
        for (int i = 0; i < Chunks; i++)
        {
            BytePattern.Default.Fill(chunk, (long)i * Chunk);
            ValueTask<FlushResult> flush = connection.Transport.Output.WriteAsync(chunk);
            Assert.True(flush.IsCompletedSuccessfully);
            Assert.False((await flush).IsCompleted);
        }

        Assert.Equal(BytePattern.Default.Hash((long)Chunks * Chunk), await client.ReadHashAsync((long)Chunks * Chunk));
        await connection.DisposeAsync().Within();
        await client.AssertFinAsync();
        client.Dispose();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task With_a_write_limit_of_one_byte_a_flush_waits_for_the_last_byte_to_leave(TransportKind transport)
    {
        const int Length = 4 * 1024 * 1024;
        await using TransportHost host = TransportHost.Create(transport, options => options.MaxWriteBufferSize = 1);
        IConnectionListener listener = await host.BindAsync();
        (RawClient client, ConnectionContext connection) =
            await TransportHost.ConnectAsync(listener, receiveBufferSize: 16 * 1024);
        connection.GetSocket().SendBufferSize = 16 * 1024;
        Task<FlushResult> flush = connection.Transport.Output.WriteAsync(BytePattern.Default.Create(Length)).AsTask();
        Assert.Equal(BytePattern.Default.Hash(Length / 2), await client.ReadHashAsync(Length / 2));
        Assert.False(flush.IsCompleted);
        for (int rest = Length / 2; rest > 0; rest -= 64 * 1024)
        {
            await client.ReadExactlyAsync(64 * 1024);
        }

        Assert.False((await flush.Within()).IsCompleted);
        Assert.Equal("flushed", await connection.WriteTextAsync("x"));
        await client.ReadTextAsync(1);
        await connection.DisposeAsync().Within();
        client.Dispose();
    }

    private static int Resumes(TransportHost host)
        => host.Logs.Entries.Count(entry => entry.IsFromTransport && entry.Id.Id == ResumeEvent);

    /// <summary>Consumes and examines as much and no more.</summary>
    private static async Task<long> ConsumeAsync(ConnectionContext connection, int count)
    {
        ReadResult result = await connection.Transport.Input.ReadAsync().Within();
        SequencePosition position = result.Buffer.GetPosition(count);
        connection.Transport.Input.AdvanceTo(position, position);
        return result.Buffer.Length - count;
    }

    /// <summary>Leaves a wrong resumption the time in which another connection does its work.</summary>
    private static async Task ElsewhereAsync(IConnectionListener listener)
    {
        for (int i = 0; i < 5; i++)
        {
            (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
            await client.SendAsync("ping");
            await connection.ReadTextAsync(4);
            await connection.WriteTextAsync("pong");
            await client.ReadTextAsync(4);
            client.Reset();
            await connection.ClosedAsync();
            await connection.DisposeAsync().Within();
        }
    }
}
