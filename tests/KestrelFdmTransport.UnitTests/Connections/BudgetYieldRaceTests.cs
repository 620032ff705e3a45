using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// What happens to an operation while it waits for its turn. A wait that does not end, or ends twice, fails the test.
/// </summary>
[Collection(NonParallel.Name)]
public sealed class BudgetYieldRaceTests : IDisposable
{
    private readonly LoopFixture _loops = new();

    public void Dispose() => _loops.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_bytes_a_cancellation_and_a_turn_that_come_together_a_reader_loses_nothing(bool inline)
    {
        const int Rounds = 1_000;

        using var connection = new TestConnection(_loops.Loop, new RingPool(), inline);
        TestThreads.Run(3, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < Rounds; round++)
            {
                meeting.Meet();
                Thread.SpinWait(random.Next(50));
                switch (number)
                {
                    case 0:
                        BringOne(connection, (byte)round);
                        break;
                    case 1:
                        connection.Reader.CancelPendingRead();
                        break;
                    default:
                        ReadBoth(connection.Reader, round);
                        break;
                }

                meeting.Meet();
            }
        });
    }

    [Fact]
    public void A_read_that_waits_for_its_turn_as_the_input_ends_sees_the_bytes_and_then_the_end()
    {
        const int Rounds = 1_000;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, new RingPool());
            BringOne(connection, 7);
            TestThreads.Run(2, (number, meeting) =>
            {
                var random = new Random(round + number);
                meeting.Meet();
                Thread.SpinWait(random.Next(50));
                if (number == 0)
                {
                    connection.Reader.CompleteInput(null);
                    return;
                }

                long length = 0;
                bool completed = false;
                while (!completed)
                {
                    ReadResult result = ReadInTurn(connection.Reader, "bytes or the end");
                    length += result.Buffer.Length;
                    completed = result.IsCompleted;
                    connection.Reader.AdvanceTo(result.Buffer.End);
                }

                Assert.Equal(1, length);
            });
        }
    }

    [Fact]
    public void A_read_that_waits_for_its_turn_ends_when_its_token_is_cancelled()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        using var source = new CancellationTokenSource();
        BringOne(connection, 7);
        using var race = new AtSyncPoint(SyncPoint.ReadWaits, connection.Io, source.Cancel);
        TestThreads.Run(() =>
        {
            CooperativeBudget.Exhaust();
            Task<ReadResult> read = connection.Reader.ReadAsync(source.Token).AsTask();
            race.AssertHappened();
            OperationCanceledException cancelled = Assert.ThrowsAny<OperationCanceledException>(
                () => read.WaitAsync(Eventually.Limit).GetAwaiter().GetResult());
            Assert.Equal(source.Token, cancelled.CancellationToken);
            Assert.Equal(1, ReadInTurn(connection.Reader, "the byte").Buffer.Length);
        });
    }

    [Fact]
    public void A_reader_may_be_completed_while_its_read_waits_for_its_turn()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        BringOne(connection, 7);
        using var race = new AtSyncPoint(SyncPoint.ReadWaits, connection.Io, () =>
        {
            connection.Reader.Complete();
            connection.Reader.CompleteProducer(null);
        });
        TestThreads.Run(() =>
        {
            CooperativeBudget.Exhaust();
            Task<ReadResult> read = connection.Reader.ReadAsync().AsTask();
            race.AssertHappened();
            Eventually.Until(() => read.IsCompleted, "the read");
        });
    }

    [Fact]
    public void Of_a_cancellation_an_end_and_a_turn_that_come_together_a_flush_loses_nothing()
    {
        const int Rounds = 1_000;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, new RingPool());
            TestThreads.Run(3, (number, meeting) =>
            {
                var random = new Random(round + number);
                meeting.Meet();
                Thread.SpinWait(random.Next(50));
                switch (number)
                {
                    case 0:
                        connection.Writer.CancelPendingFlush();
                        break;
                    case 1:
                        connection.Writer.CompleteConsumer(null);
                        break;
                    default:
                        bool cancelled = false;
                        bool completed = false;
                        while (!cancelled || !completed)
                        {
                            CooperativeBudget.Exhaust();
                            Task<FlushResult> flush = connection.Writer.FlushAsync().AsTask();
                            Eventually.Until(
                                () => flush.IsCompleted,
                                $"a flush: cancelled {cancelled}, completed {completed}");
                            FlushResult result = flush.GetAwaiter().GetResult();
                            Assert.False(result.IsCanceled && cancelled, "A cancellation was seen twice.");
                            cancelled |= result.IsCanceled;
                            completed |= result.IsCompleted;
                        }

                        break;
                }
            });
        }
    }

    private static void ReadBoth(PipeReader reader, int round)
    {
        bool byteSeen = false;
        bool cancellationSeen = false;
        while (!byteSeen || !cancellationSeen)
        {
            ReadResult result = ReadInTurn(reader, $"round {round}: byte {byteSeen}, cancellation {cancellationSeen}");
            cancellationSeen |= result.IsCanceled;
            if (result.Buffer.Length > 0)
            {
                Assert.False(byteSeen);
                Assert.Equal((byte)round, result.Buffer.First.Span[0]);
                byteSeen = true;
            }

            reader.AdvanceTo(result.Buffer.End);
        }
    }

    private static ReadResult ReadInTurn(PipeReader reader, string what)
    {
        CooperativeBudget.Exhaust();
        Task<ReadResult> read = reader.ReadAsync().AsTask();
        Eventually.Until(() => read.IsCompleted, what);
        return read.GetAwaiter().GetResult();
    }

    private static void BringOne(TestConnection connection, byte value)
    {
        connection.BeginReceive()[0] = value;
        connection.Reader.EndReceive(1);
        connection.Reader.ReturnSpare();
        connection.Reader.Notify();
    }
}
