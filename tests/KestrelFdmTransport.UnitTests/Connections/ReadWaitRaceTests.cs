using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// A read that waits for input races with the thread that delivers it. A wait that does not end fails the test.
/// </summary>
[Collection(NonParallel.Name)]
public sealed class ReadWaitRaceTests : IDisposable
{
    private readonly LoopFixture _loops = new();

    public void Dispose() => _loops.Dispose();

    [Fact]
    public async Task Bytes_that_come_as_a_read_begins_to_wait_are_read()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        using var race = new AtSyncPoint(SyncPoint.ReadWaits, connection.Io, () =>
        {
            connection.BeginReceive()[0] = 1;
            BringOne(connection);
        });

        Task<ReadResult> read = connection.Reader.ReadAsync().AsTask();
        race.AssertHappened();

        Assert.Equal(1, (await read.Within("the byte")).Buffer.Length);
    }

    [Fact]
    public async Task Bytes_that_come_as_a_read_counts_what_it_has_do_not_make_it_end_without_them()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        connection.BeginReceive()[0] = 1;
        BringOne(connection);
        using var race = new AtSyncPoint(SyncPoint.ReadCounts, connection.Io, () =>
        {
            connection.BeginReceive()[0] = 2;
            BringOne(connection);
        });

        Task<ReadResult> read = connection.Reader.ReadAtLeastAsync(2).AsTask();
        race.AssertHappened();

        Assert.Equal(2, (await read.Within("both bytes")).Buffer.Length);
    }

    [Fact]
    public void Input_is_not_paused_for_ever_when_all_is_read_as_it_pauses()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool(), pauseThreshold: 1000);
        using var race = new AtSyncPoint(SyncPoint.ReceivePauses, connection.Io, () =>
        {
            Assert.True(connection.Reader.TryRead(out ReadResult result));
            connection.Reader.AdvanceTo(result.Buffer.End);
        });

        connection.BeginReceive();
        connection.Reader.EndReceive(1500);
        connection.Reader.TryPause();
        race.AssertHappened();

        Assert.False(connection.Reader.IsPaused);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_read_that_begins_while_bytes_come_gets_them(bool inline)
    {
        const int Rounds = 3_000;

        using var connection = new TestConnection(_loops.Loop, new RingPool(), inline);
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                if (number == 0)
                {
                    connection.BeginReceive()[0] = (byte)round;
                }

                meeting.Meet();
                Thread.SpinWait(random.Next(20));
                if (number == 0)
                {
                    BringOne(connection);
                }
                else
                {
                    ReadResult result = Read(connection.Reader, $"the byte of round {round}");
                    Assert.Equal((byte)round, result.Buffer.First.Span[0]);
                    Assert.Equal((1, false, false), (result.Buffer.Length, result.IsCanceled, result.IsCompleted));
                    connection.Reader.AdvanceTo(result.Buffer.End);
                }

                meeting.Meet();
            }
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_bytes_and_a_cancellation_that_come_together_a_reader_sees_both(bool inline)
    {
        const int Rounds = 1_000;

        using var connection = new TestConnection(_loops.Loop, new RingPool(), inline);
        TestThreads.Run(3, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                meeting.Meet();
                Thread.SpinWait(random.Next(50));
                switch (number)
                {
                    case 0:
                        connection.BeginReceive()[0] = (byte)round;
                        BringOne(connection);
                        break;
                    case 1:
                        connection.Reader.CancelPendingRead();
                        break;
                    default:
                        AssertBoth(connection.Reader, round);
                        break;
                }

                meeting.Meet();
            }
        });
    }

    [Fact]
    public void Input_is_not_paused_for_ever_when_the_reader_catches_up_meanwhile()
    {
        const int Rounds = 50_000;

        using var connection = new TestConnection(_loops.Loop, new RingPool(), pauseThreshold: 1000);
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                ReadResult result = default;
                if (number == 0)
                {
                    connection.BeginReceive();
                    connection.Reader.EndReceive(1500);
                }

                meeting.Meet();
                if (number == 1)
                {
                    Assert.True(connection.Reader.TryRead(out result));
                }

                meeting.Meet();
                Thread.SpinWait(random.Next(5));
                if (number == 0)
                {
                    connection.Reader.TryPause();
                }
                else
                {
                    connection.Reader.AdvanceTo(result.Buffer.End);
                }

                meeting.Meet();
                Assert.False(connection.Reader.IsPaused, $"Paused in round {round} with nothing to wait for.");
            }
        });
    }

    private static void AssertBoth(PipeReader reader, int round)
    {
        bool byteSeen = false;
        bool cancellationSeen = false;
        while (!byteSeen || !cancellationSeen)
        {
            ReadResult result = Read(reader, $"round {round}: byte {byteSeen}, cancellation {cancellationSeen}");
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

    private static void BringOne(TestConnection connection)
    {
        connection.Reader.EndReceive(1);
        connection.Reader.ReturnSpare();
        connection.Reader.Notify();
    }

    private static ReadResult Read(PipeReader reader, string what)
    {
        Task<ReadResult> read = reader.ReadAsync().AsTask();
        Eventually.Until(() => read.IsCompleted, what);
        return read.GetAwaiter().GetResult();
    }
}
