using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>
/// Descriptors and buffers go from connection to connection as fast as can be, and no byte goes to another.
/// </summary>
public sealed class CrossTalkTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Connections = 4_000;
    private const int Parallelism = 64;
    private const int MaxWords = 2_000;
    private const int Word = sizeof(long);

    private readonly ConcurrentQueue<string> _wrong = new();
    private int _served;

    public static TheoryData<TransportKind> OnBothAndMoreLoops
        => new(Transports.Main.Union(Transports.All.Where(IsFurther)));

    [Theory, MemberData(nameof(OnBothAndMoreLoops))]
    public async Task No_byte_reaches_another_connection(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, AnswerAsync);
        await Parallel.ForAsync(
            1,
            Connections + 1,
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism },
            async (tag, _) =>
                await SpeakAsync(server, tag, new Random(tag)));

        Assert.Empty(_wrong);
        Assert.InRange(Volatile.Read(ref _served), Connections / 2, Connections);
        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
    }

    private static bool IsFurther(TransportKind kind)
        => kind
            is TransportKind.FdmAdaptiveEightLoops
                or TransportKind.FdmThreadPoolTwoLoops
                or TransportKind.FdmInlineOneLoop;

    /// <summary>The words of a connection: up is what its client sends, down what it gets.</summary>
    private static byte[] Words(long tag, bool up, int from, int count)
    {
        byte[] bytes = new byte[count * Word];
        BytePattern.Default.Fill(bytes, (((tag << 1) + (up ? 0 : 1)) << 32) + (from * Word));
        return bytes;
    }

    /// <summary>Learns the tag from the first word, then checks each word and answers it with one of its own.</summary>
    private async Task AnswerAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        long tag = 0;
        int position = 0;
        try
        {
            while (true)
            {
                ReadResult result = await input.ReadAsync();
                ReadOnlySequence<byte> whole = result.Buffer.Slice(0, result.Buffer.Length / Word * Word);
                byte[] words = whole.ToArray();
                input.AdvanceTo(whole.End, result.Buffer.End);
                if (tag == 0 && words.Length > 0)
                {
                    tag = BitConverter.ToInt64(words);
                    words = words[Word..];
                    Interlocked.Increment(ref _served);
                }

                if (words.Length > 0)
                {
                    int count = words.Length / Word;
                    Check($"The server of {tag}", words, Words(tag, up: true, position, count));
                    await connection.Transport.Output.WriteAsync(Words(tag, up: false, position, count));
                    position += count;
                }

                if (result.IsCompleted)
                {
                    return;
                }

                if (tag % 5 == 0 && position > MaxWords / 4)
                {
                    connection.Abort();
                    return;
                }
            }
        }
        catch (ConnectionResetException)
        {
            // The client has gone.
        }
    }

    private async Task SpeakAsync(TestServer server, long tag, Random random)
    {
        using RawClient client = await server.ConnectAsync();
        int count = random.Next(1, MaxWords);
        int heard = random.Next(count + 1);
        try
        {
            await client.SendAsync(BitConverter.GetBytes(tag));
            await client.SendAsync(Words(tag, up: true, 0, count));
            switch (random.Next(3))
            {
                case 0:
                    client.HalfClose();
                    Check($"The client {tag}", await client.ReadToEndAsync(), Words(tag, up: false, 0, count));
                    return;
                case 1:
                    Check(
                        $"The client {tag}",
                        await client.ReadExactlyAsync(heard * Word),
                        Words(tag, up: false, 0, heard));
                    client.Reset();
                    return;
                default:
                    Check(
                        $"The client {tag}",
                        await client.ReadExactlyAsync(heard * Word),
                        Words(tag, up: false, 0, heard));
                    return;
            }
        }
        catch (Exception exception) when (tag % 5 == 0 && exception is SocketException or EndOfStreamException)
        {
            // The server has aborted the connection, as it does with every fifth.
        }
    }

    private void Check(string who, byte[] seen, byte[] expected)
    {
        if (!seen.AsSpan().SequenceEqual(expected))
        {
            _wrong.Enqueue(
                $"{who} has seen {seen.Length} of {expected.Length} bytes, right up to "
                    + $"{seen.AsSpan().CommonPrefixLength(expected)}.");
        }
    }
}
