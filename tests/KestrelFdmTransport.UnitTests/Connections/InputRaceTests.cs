using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>The application consumes while the loop appends. The test's threads take both parts.</summary>
[Collection(NonParallel.Name)]
public sealed class InputRaceTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();
    private readonly BytePattern _pattern = new(1);

    public void Dispose() => _loops.Dispose();

    [Theory]
    [InlineData(1, 100, 50_000)]
    [InlineData(1, 4096, 100_000)]
    [InlineData(4096, 4096, 100_000)]
    public void Bytes_that_are_received_while_all_before_them_are_consumed_are_not_lost(int least, int most, int rounds)
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        long received = 0;
        long consumed = 0;
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < rounds && meeting.HasTime(round); round++)
            {
                ReadResult result = default;
                if (number == 1 && connection.Reader.TryRead(out result))
                {
                    Assert.Equal(received, consumed + result.Buffer.Length);
                    Assert.True(_pattern.Matches(result.Buffer, consumed), $"The bytes of round {round} are wrong.");
                }

                int count = number == 0 ? Fill(connection, random.Next(least, most + 1), received) : 0;
                meeting.Meet();
                Thread.SpinWait(random.Next(5));
                if (number == 0)
                {
                    connection.Reader.EndReceive(count);
                    connection.Reader.ReturnSpare();
                    received += count;
                }
                else if (result.Buffer.Length > 0)
                {
                    // Mostly all, because that is where the last block changes hands.
                    long length =
                        random.Next(8) == 0 ? random.NextInt64(result.Buffer.Length + 1) : result.Buffer.Length;
                    connection.Reader.AdvanceTo(result.Buffer.GetPosition(length), result.Buffer.End);
                    consumed += length;
                }

                meeting.Meet();
            }
        });
    }

    [Fact]
    public void A_read_with_a_minimum_gets_its_bytes_in_any_pieces()
    {
        const int Least = 3;
        const long Total = 600_000;

        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        long received = 0;
        long wanted = 0;
        TestThreads.Run(
            () =>
            {
                while (received < Total)
                {
                    // Close behind the reader, so that bytes come while it looks.
                    if (received < Volatile.Read(ref wanted) + Least)
                    {
                        connection.Reader.EndReceive(Fill(connection, 1, received));
                        connection.Reader.ReturnSpare();
                        received++;
                    }
                }

                connection.Reader.CompleteInput(null);
            },
            () =>
            {
                long consumed = 0;
                while (consumed + Least <= Total)
                {
                    ValueTask<ReadResult> read = connection.Reader.ReadAtLeastAsync(Least);
                    while (!read.IsCompleted)
                    {
                        Thread.SpinWait(1);
                    }

                    ReadOnlySequence<byte> bytes = read.GetAwaiter().GetResult().Buffer;
                    Assert.InRange(bytes.Length, Math.Min(Least, Total - consumed), Total);
                    connection.Reader.AdvanceTo(bytes.End);
                    consumed += bytes.Length;
                    Volatile.Write(ref wanted, consumed);
                }
            });
    }

    [Fact]
    public void Everything_arrives_when_neither_side_waits_for_the_other()
    {
        const long Total = 500_000_000;

        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        long received = 0;
        TestThreads.Run(
            () =>
            {
                var random = new Random(1);
                while (received < Total)
                {
                    if (!connection.Reader.IsPaused && !connection.Reader.TryPause())
                    {
                        int count = Fill(connection, (int)Math.Min(random.Next(1, 4097), Total - received), received);
                        connection.Reader.EndReceive(count);
                        connection.Reader.ReturnSpare();
                        received += count;
                    }
                }

                connection.Reader.CompleteInput(null);
            },
            () =>
            {
                var random = new Random(2);
                long consumed = 0;
                bool ended = false;
                while (!ended || consumed < Total)
                {
                    if (!connection.Reader.TryRead(out ReadResult result))
                    {
                        Thread.SpinWait(random.Next(10));
                        continue;
                    }

                    ReadOnlySequence<byte> buffer = result.Buffer;
                    Assert.True(_pattern.Matches(buffer, consumed), $"The bytes after {consumed} are wrong.");
                    ended = result.IsCompleted;
                    long length = random.Next(4) == 0 ? random.NextInt64(buffer.Length + 1) : buffer.Length;
                    connection.Reader.AdvanceTo(buffer.GetPosition(length), buffer.End);
                    consumed += length;
                }

                Assert.Equal(Total, consumed);
            });

        connection.Reader.Complete();
        connection.Reader.CompleteProducer(null);
        _pool.AssertAllReturned();
    }

    /// <summary>What the loop and <c>recv</c> do.</summary>
    private int Fill(TestConnection connection, int count, long position)
    {
        Span<byte> space = connection.BeginReceive();
        count = Math.Min(count, space.Length);
        _pattern.Fill(space[..count], position);
        return count;
    }
}
