using System;
using System.IO;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>A flush meets another sender, or a thread that holds the send gate for another reason.</summary>
[Collection(NonParallel.Name)]
public sealed class OutputRaceTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>The only edge that there will be is counted between the system call and the sender's word.</summary>
    [Fact]
    public void Room_that_comes_as_the_sender_finds_the_socket_full_is_used()
    {
        const int Size = 1_000_000;

        using var connection = new TestConnection(_loops.Loop, _pool.Create(), pauseThreshold: 2 * Size);
        connection.Start();
        int arrived = 0;
        using var race = new AtSyncPoint(SyncPoint.SenderWaits, connection.Io, () =>
        {
            arrived += connection.TakeArrived().Length;
            _loops.Settle();
        });

        connection.WriteNow(new byte[Size]);
        race.AssertHappened();

        Eventually.Until(() => (arrived += connection.TakeArrived().Length) == Size, "the rest of the bytes");
    }

    [Fact]
    public void A_flush_that_comes_as_another_sender_leaves_is_sent()
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        using var race = new AtSyncPoint(SyncPoint.SenderLeaves, connection.Io, () => connection.WriteNow(new byte[1]));

        connection.Io.SendDeferred();
        race.AssertHappened();

        Assert.Single(connection.TakeArrived());
    }

    [Fact]
    public void A_flush_that_comes_as_the_sender_of_a_burst_begins_is_sent()
    {
        const int Flushes = 20;

        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        using var begun = new ManualResetEventSlim();
        using var flushed = new ManualResetEventSlim();
        using var race = new AtSyncPoint(SyncPoint.BurstSends, connection.Io, () =>
        {
            begun.Set();
            flushed.Within("the other flushes");
        });
        int missing = 0;
        Eventually.Until(
            () =>
            {
                FlushMany();
                return begun.IsSet;
            },
            "a thread of the pool to send a burst");

        FlushMany();
        flushed.Set();
        race.AssertHappened();
        Eventually.Until(() => (missing -= connection.TakeArrived().Length) == 0, "the last flush");

        void FlushMany()
        {
            for (int i = 0; i < Flushes; i++)
            {
                connection.WriteNow(new byte[1]);
            }

            missing += Flushes - connection.TakeArrived().Length;
        }
    }

    /// <summary>The number may belong to another file as soon as it is closed.</summary>
    [Fact]
    public async Task A_connection_that_is_aborted_under_a_sender_keeps_its_descriptor_until_the_sender_has_left()
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        connection.Start();
        string? before = What(connection.Descriptor);
        string? during = null;
        using var race = new AtSyncPoint(SyncPoint.SenderSends, connection.Io, () =>
        {
            connection.Connection.Abort(new ConnectionAbortedException());
            _loops.Settle();
            during = What(connection.Descriptor);
        });

        await connection.Writer.WriteAsync(new byte[1]).AsTask().Within("the flush");
        race.AssertHappened();
        await connection.EndAsync();

        Assert.StartsWith("socket:", before, StringComparison.Ordinal);
        Assert.Equal(before, during);
        Assert.NotEqual(before, What(connection.Descriptor), StringComparer.Ordinal);

        static string? What(int descriptor) => new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget;
    }

    /// <summary>
    /// The loop (writable again) and the monitor (a deferred flush) send while the application flushes.
    /// </summary>
    [Fact]
    public void A_flush_is_sent_beside_another_sender()
    {
        const int Rounds = 60_000;

        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        byte[] arrived = new byte[2];
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            byte[] one = new byte[1];
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                meeting.Meet();
                Thread.SpinWait(random.Next(40));
                if (number == 0)
                {
                    one[0] = (byte)round;
                    connection.WriteNow(one);
                }
                else
                {
                    connection.Io.SendDeferred();
                }

                meeting.Meet();
                if (number == 0)
                {
                    // In a burst a thread of the pool sends it.
                    int count = 0;
                    Eventually.Until(
                        () => (count = Sys.Receive(connection.Peer.Value, arrived)) > 0,
                        $"the flush of round {round}");
                    Assert.Equal(1, count);
                    Assert.Equal((byte)round, arrived[0]);
                }
            }
        });
        Assert.Equal(0, _pool.Rented);
        _pool.AssertNoViolation();
    }

    /// <summary>
    /// Making the socket of the socket feature takes the gate, so its maker may have to send as well.
    /// </summary>
    [Fact]
    public async Task A_flush_that_meets_the_first_request_for_the_socket_leaves_no_block_behind()
    {
        const int Rounds = 300;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            TestThreads.Run(2, (number, meeting) =>
            {
                meeting.Meet();
                if (number == 0)
                {
                    Assert.NotNull(((IConnectionSocketFeature)connection.Connection).Socket);
                }
                else
                {
                    connection.WriteNow(new byte[100]);
                }
            });
            Assert.Equal(100, connection.TakeArrived().Length);

            // Nothing is sent any more, so the creator of the socket returns what it has sent.
            connection.Connection.Abort(new ConnectionAbortedException());
            _loops.Settle();
            await connection.EndAsync();
            Assert.True(_pool.Rented == 0, $"{_pool.Rented} blocks are missing after round {round}.");
        }

        _pool.AssertNoViolation();
    }

    [Fact]
    public async Task A_flush_that_meets_an_abort_leaves_no_block_behind()
    {
        const int Rounds = 300;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            TestThreads.Run(2, (number, meeting) =>
            {
                meeting.Meet();
                if (number == 0)
                {
                    connection.Connection.Abort(new ConnectionAbortedException());
                    return;
                }

                for (int i = 0; i < 20; i++)
                {
                    connection.WriteNow(new byte[3_000]);
                }
            });
            await connection.EndAsync();
            Assert.True(_pool.Rented == 0, $"{_pool.Rented} blocks are missing after round {round}.");
        }

        _pool.AssertNoViolation();
    }

    [Fact]
    public async Task A_connection_that_ends_before_the_sender_of_a_burst_comes_leaves_no_block_behind()
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        connection.Start();
        using var begun = new ManualResetEventSlim();
        using var disposed = new ManualResetEventSlim();
        using var race = new AtSyncPoint(SyncPoint.BurstSends, connection.Io, () =>
        {
            begun.Set();
            disposed.Within("the end of the connection");
        });
        Eventually.Until(
            () =>
            {
                connection.WriteNow(new byte[1]);
                connection.TakeArrived();
                return begun.IsSet;
            },
            "a thread of the pool to send a burst");

        connection.WriteNow(new byte[1]);
        connection.Connection.Abort(new ConnectionAbortedException());
        await connection.EndAsync();
        int missing = _pool.Rented;
        disposed.Set();
        race.AssertHappened();

        Assert.Equal(0, missing);
        _pool.AssertNoViolation();
    }

    /// <summary>The flush belongs to a burst, which it would leave to a thread of the pool.</summary>
    [Fact]
    public async Task A_flush_that_fills_the_outbox_as_the_output_ends_leaves_no_block_behind()
    {
        const int Rounds = 50;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            for (int i = 0; i < 20; i++)
            {
                await connection.Writer.WriteAsync(new byte[1]);
            }

            int missing = 20;
            Eventually.Until(() => (missing -= connection.TakeArrived().Length) == 0, "the flushes of the burst");
            using var race = new AtSyncPoint(SyncPoint.FlushCommits, connection.Io, () =>
            {
                connection.Connection.Abort(new ConnectionAbortedException());
                Eventually.Until(() => connection.Writer.IsConsumerCompleted, "the end of the output");
                connection.Io.CompleteOutput();
            });

            await connection.Writer.WriteAsync(new byte[1]);
            race.AssertHappened();

            Assert.True(_pool.Rented == 0, $"{_pool.Rented} blocks are missing after round {round}.");
            await connection.EndAsync();
        }

        _pool.AssertNoViolation();
    }

    /// <summary>
    /// The flushes fail, but the connection goes on: what has been committed leaves, and then it ends.
    /// </summary>
    [Fact]
    public async Task What_was_flushed_before_two_flushes_waited_at_once_leaves_and_the_connection_ends()
    {
        const int Size = 1_000_000;
        const int More = 10_000;

        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        connection.Start();
        Task<FlushResult> first = connection.Writer.WriteAsync(new byte[Size]).AsTask();
        Assert.False(first.IsCompleted);
        Task<FlushResult> second = connection.Writer.WriteAsync(new byte[More]).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => first.Within("the first flush"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => second.Within("the second flush"));

        Task end = connection.EndAsync();
        int arrived = 0;
        Eventually.Until(() => (arrived += connection.TakeArrived().Length) == Size + More, "what was flushed");
        await end;
        _pool.AssertNoViolation();
        Assert.Equal(0, _pool.Rented);
    }

    /// <summary>A broadcast may be writing to a connection that another thread disposes.</summary>
    [Fact]
    public async Task A_write_that_meets_the_disposal_of_its_connection_arrives_whole_or_not_at_all()
    {
        const int Rounds = 300;

        byte[] message = new byte[10_000];
        var pattern = new BytePattern(1);
        pattern.Fill(message, 0);
        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            Task? end = null;
            TestThreads.Run(2, (number, meeting) =>
            {
                var random = new Random(round);
                meeting.Meet();
                if (number == 0)
                {
                    Thread.SpinWait(random.Next(200));
                    end = connection.EndAsync();
                    return;
                }

                try
                {
                    connection.WriteNow(message);
                }
                catch (InvalidOperationException)
                {
                    // It came too late, which the writer says as a pipe's does.
                }
            });
            await end!;
            byte[] arrived = connection.TakeArrived();
            Assert.True(
                arrived.Length == 0 || arrived.Length == message.Length,
                $"{arrived.Length} bytes have arrived in round {round}.");
            Assert.True(pattern.Matches(arrived, 0));
            Eventually.Until(() => _pool.Rented == 0, $"the return of {_pool.Rented} blocks after round {round}");
        }

        _pool.AssertNoViolation();
    }
}
