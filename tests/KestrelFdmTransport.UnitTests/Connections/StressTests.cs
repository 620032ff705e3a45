using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// Bytes in both directions of several connections at once, read and written in every way a pipe allows.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class StressTests
{
    private const int Connections = 6;
    private const int Rounds = 3;
    private const long BytesEachWay = 6_000_000;
    private const int LargestChunk = 100 * 1024;

    private readonly CheckingMemoryPoolFactory _pool = new();

    [Theory]
    [InlineData(ApplicationScheduling.Inline)]
    [InlineData(ApplicationScheduling.ThreadPool)]
    public async Task Every_byte_arrives_unchanged_and_every_block_is_returned(ApplicationScheduling scheduling)
    {
        var options = new FdmTransportOptions
        {
            LoopCount = 2,
            Scheduling = scheduling,
            MaxReadBufferSize = 64 * 1024,
            MaxWriteBufferSize = 32 * 1024,
        };
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance, _pool);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        for (int round = 0; round < Rounds; round++)
        {
            var running = new List<Task>();
            for (int i = 0; i < Connections; i++)
            {
                int seed = (round * Connections) + i;
                Socket client = Connect(listener.EndPoint, smallBuffers: i % 3 != 0);
                ConnectionContext server = (await listener.AcceptAsync())!;
                running.Add(Task.Run(() => RunServerAsync(server, seed)));
                running.Add(Task.Run(() => RunClientAsync(client, seed)));
            }

            await Task.WhenAll(running).Within($"the end of round {round}");

            // The last block of a connection is back before its DisposeAsync has completed.
            _pool.AssertAllReturned();
        }
    }

    private static Socket Connect(EndPoint endPoint, bool smallBuffers)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (smallBuffers)
        {
            // The server's sends meet a full socket all the time.
            client.ReceiveBufferSize = 4096;
            client.SendBufferSize = 4096;
        }

        client.Connect(endPoint);
        return client;
    }

    private static async Task RunServerAsync(ConnectionContext connection, int seed)
    {
        using var done = new CancellationTokenSource();

        // Not everywhere: a wait that ends early by chance would hide one that does not end at all.
        Task cancelling = seed % 2 == 0
            ? Task.CompletedTask
            : Task.Run(() => CancelNowAndThenAsync(connection.Transport, new Random(seed), done.Token));
        await Task.WhenAll(
            ReadAllAsync(connection.Transport.Input, new BytePattern(2 * seed), new Random(seed)),
            WriteAllAsync(connection.Transport.Output, new BytePattern((2 * seed) + 1), new Random(seed)));
        await done.CancelAsync();
        await cancelling;
        await connection.DisposeAsync();
    }

    private static async Task RunClientAsync(Socket client, int seed)
    {
        using (client)
        {
            await Task.WhenAll(
                SendAllAsync(client, new BytePattern(2 * seed), new Random(seed)),
                ReceiveAllAsync(client, new BytePattern((2 * seed) + 1), new Random(seed)));
        }
    }

    private static async Task SendAllAsync(Socket client, BytePattern pattern, Random random)
    {
        byte[] buffer = new byte[LargestChunk];
        for (long position = 0; position < BytesEachWay;)
        {
            int count = NextChunk(random, BytesEachWay - position);
            pattern.Fill(buffer.AsSpan(0, count), position);
            position += await client.SendAsync(buffer.AsMemory(0, count));
        }

        client.Shutdown(SocketShutdown.Send);
    }

    private static async Task ReceiveAllAsync(Socket client, BytePattern pattern, Random random)
    {
        byte[] buffer = new byte[LargestChunk];
        long position = 0;
        int count;
        while ((count = await client.ReceiveAsync(buffer.AsMemory(0, random.Next(1, LargestChunk + 1)))) > 0)
        {
            Assert.True(
                pattern.Matches(buffer.AsSpan(0, count), position),
                $"The client received wrong bytes after {position}.");
            position += count;
        }

        Assert.Equal(BytesEachWay, position);
    }

    private static async Task ReadAllAsync(PipeReader reader, BytePattern pattern, Random random)
    {
        long position = 0;
        while (true)
        {
            ReadResult result = await ReadAsync(reader, random);
            ReadOnlySequence<byte> buffer = result.Buffer;
            Assert.True(pattern.Matches(buffer, position), $"The server received wrong bytes after {position}.");
            if (result.IsCompleted)
            {
                position += buffer.Length;
                reader.AdvanceTo(buffer.End);
                break;
            }

            long consumed = Part(random, 0, buffer.Length);
            long examined = Part(random, consumed, buffer.Length);
            reader.AdvanceTo(buffer.GetPosition(consumed), buffer.GetPosition(examined));
            position += consumed;
        }

        Assert.Equal(BytesEachWay, position);
    }

    private static ValueTask<ReadResult> ReadAsync(PipeReader reader, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                return reader.TryRead(out ReadResult result) ? new ValueTask<ReadResult>(result) : reader.ReadAsync();
            case 1:
                // Beyond the pause threshold too: it must not keep a read from getting what it has asked for.
                return reader.ReadAtLeastAsync(random.Next(1, LargestChunk));
            default:
                return reader.ReadAsync();
        }
    }

    private static async Task WriteAllAsync(PipeWriter writer, BytePattern pattern, Random random)
    {
        byte[] buffer = new byte[LargestChunk];
        for (long position = 0; position < BytesEachWay;)
        {
            int count = NextChunk(random, BytesEachWay - position);
            switch (random.Next(3))
            {
                case 0:
                    pattern.Fill(buffer.AsSpan(0, count), position);
                    await writer.WriteAsync(buffer.AsMemory(0, count));
                    break;
                case 1:
                    Write(writer, pattern, position, count, random.Next(2) == 0 ? 0 : random.Next(1, 3 * 4096));
                    if (random.Next(3) != 0)
                    {
                        await writer.FlushAsync();
                    }

                    break;
                default:
                    count = Math.Min(count, random.Next(1, 2_000));
                    for (int written = 0; written < count;)
                    {
                        int piece = Math.Min(count - written, random.Next(1, 200));
                        Write(writer, pattern, position + written, piece, sizeHint: 0);
                        written += piece;
                        await writer.FlushAsync();
                    }

                    break;
            }

            position += count;
        }

        await writer.FlushAsync();
    }

    private static void Write(PipeWriter writer, BytePattern pattern, long position, int count, int sizeHint)
    {
        while (count > 0)
        {
            Span<byte> span = writer.GetSpan(sizeHint);
            int length = Math.Min(span.Length, count);
            pattern.Fill(span[..length], position);
            writer.Advance(length);
            position += length;
            count -= length;
        }
    }

    /// <summary>Another thread cancels waits; the interrupted caller continues.</summary>
    private static async Task CancelNowAndThenAsync(IDuplexPipe transport, Random random, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            for (int i = random.Next(1_000); i >= 0; i--)
            {
                await Task.Yield();
            }

            if (random.Next(2) == 0)
            {
                transport.Input.CancelPendingRead();
            }
            else
            {
                transport.Output.CancelPendingFlush();
            }
        }
    }

    /// <summary>Nothing, all, or something in between.</summary>
    private static long Part(Random random, long from, long to)
        => random.Next(4) switch { 0 => from, 1 or 2 => to, _ => random.NextInt64(from, to + 1) };

    private static int NextChunk(Random random, long left)
        => (int)Math.Min(left, random.Next(2) == 0 ? random.Next(1, LargestChunk + 1) : random.Next(1, 4096));
}
