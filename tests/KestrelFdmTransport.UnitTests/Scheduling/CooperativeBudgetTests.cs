using System;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Connections;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>
/// Code in a callback whose operations could complete at once for ever: the test brings another byte before each read,
/// and takes away what was flushed. The callback runs on a thread of the test's, as on a loop's.
/// </summary>
public sealed class CooperativeBudgetTests : IDisposable
{
    /// <summary>Ten thousand times as long as it takes.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly LoopFixture _loops = new();

    public void Dispose() => _loops.Dispose();

    [Theory]
    [InlineData("ReadAsync")]
    [InlineData("ReadAtLeastAsync")]
    [InlineData("FlushAsync")]
    [InlineData("WriteAsync")]
    [InlineData("WriteAsync after the end")]
    public void After_a_while_of_operations_that_complete_at_once_one_completes_asynchronously(string operation)
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        if (string.Equals(operation, "WriteAsync after the end", StringComparison.Ordinal))
        {
            connection.Writer.CompleteConsumer(null);
        }

        Task waiting = Task.CompletedTask;
        bool waits = false;
        InCallback(connection, () => waits = RepeatUntilOneWaits(() => BeginAsync(connection, operation), out waiting));

        Assert.True(waits);
        Eventually.Until(() => waiting.IsCompleted, $"the turn of a {operation}");
        Assert.True(waiting.IsCompletedSuccessfully);
    }

    [Fact]
    public void After_a_while_of_reads_that_return_at_once_one_returns_nothing_and_the_next_call_gets_the_bytes()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        bool refused = false;
        bool read = false;
        InCallback(connection, () =>
        {
            refused = RepeatUntil(() =>
            {
                BringOne(connection);
                return !TryRead(connection.Reader);
            });
            read = TryRead(connection.Reader);
        });

        Assert.True(refused);
        Assert.True(read);
    }

    [Fact]
    public async Task After_a_read_that_has_returned_nothing_although_there_are_bytes_a_read_waits_for_its_turn()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        Task<ReadResult>? waiting = null;
        InCallback(connection, () =>
        {
            RepeatUntil(() =>
            {
                BringOne(connection);
                return !TryRead(connection.Reader);
            });
            ValueTask<ReadResult> read = connection.Reader.ReadAsync();
            Assert.False(read.IsCompleted);
            waiting = read.AsTask();
        });

        Assert.NotNull(waiting);
        Assert.Equal(1, (await waiting.Within("the turn of the read")).Buffer.Length);
    }

    [Fact]
    public void Small_pieces_for_many_connections_are_counted_together()
    {
        using var first = new TestConnection(_loops.Loop, new RingPool());
        using var second = new TestConnection(_loops.Loop, new RingPool());
        int count = 0;
        Task waiting = Task.CompletedTask;
        bool waits = false;
        InCallback(
            first,
            () => waits = RepeatUntilOneWaits(
                () => BeginAsync(count++ % 2 == 0 ? first : second, "WriteAsync"),
                out waiting));

        Assert.True(waits);
        Eventually.Until(() => waiting.IsCompleted, "the turn of a broadcast");
    }

    [Fact]
    public void On_a_thread_of_the_applications_own_no_operation_waits_for_a_turn()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        TestThreads.Run(() =>
        {
            long started = Stopwatch.GetTimestamp();
            for (int i = 0; i < 1_000 || Stopwatch.GetElapsedTime(started) < TimeSpan.FromMilliseconds(20); i++)
            {
                Assert.True(BeginAsync(connection, "ReadAsync").IsCompletedSuccessfully);
            }
        });
    }

    [Fact]
    public void A_young_callback_is_not_interrupted()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        int interrupted = 0;
        for (int round = 0; round < 100; round++)
        {
            InCallback(connection, () =>
            {
                for (int i = 0; i < 10; i++)
                {
                    Task read = BeginAsync(connection, "ReadAsync");
                    interrupted += read.IsCompleted ? 0 : 1;
                    Eventually.Until(() => read.IsCompleted, "the read");
                }
            });
        }

        // On a busy machine a callback may be put aside for a millisecond, not most of them.
        Assert.InRange(interrupted, 0, 50);
    }

    [Fact]
    public void A_caller_that_looks_again_and_again_instead_of_awaiting_gets_the_result()
    {
        using var connection = new TestConnection(_loops.Loop, new RingPool());
        BringOne(connection);
        TestThreads.Run(() =>
        {
            CooperativeBudget.Exhaust();
            ValueTask<ReadResult> read = connection.Reader.ReadAsync();
            Assert.False(read.IsCompleted);
            Eventually.Until(() => read.IsCompleted, "the read");
            Assert.Equal(1, read.GetAwaiter().GetResult().Buffer.Length);
        });
    }

    private static void InCallback(TestConnection connection, Action action)
        => TestThreads.Run(
            () => LoopThread.Run(connection.Io, static state => ((Action)state!)(), action, context: null));

    /// <summary>False if every operation completes at once.</summary>
    private static bool RepeatUntilOneWaits(Func<Task> begin, out Task last)
    {
        Task operation = Task.CompletedTask;
        bool waits = RepeatUntil(() => !(operation = begin()).IsCompleted);
        last = operation;
        return waits;
    }

    private static bool RepeatUntil(Func<bool> action)
    {
        long started = Stopwatch.GetTimestamp();
        while (!action())
        {
            if (Stopwatch.GetElapsedTime(started) > s_patience)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One operation that has what it needs. What it has read it consumes.</summary>
    private static Task BeginAsync(TestConnection connection, string operation)
    {
        switch (operation)
        {
            case "ReadAsync":
                BringOne(connection);
                return ConsumeAsync(connection.Reader, connection.Reader.ReadAsync());
            case "ReadAtLeastAsync":
                BringOne(connection);
                BringOne(connection);
                return ConsumeAsync(connection.Reader, connection.Reader.ReadAtLeastAsync(2));
            case "FlushAsync":
                connection.Writer.GetSpan(1)[0] = 1;
                connection.Writer.Advance(1);
                Task flush = connection.Writer.FlushAsync().AsTask();
                connection.TakeArrived();
                return flush;
            default:
                Task write = connection.Writer.WriteAsync(new byte[] { 1 }).AsTask();
                connection.TakeArrived();
                return write;
        }
    }

    private static async Task ConsumeAsync(PipeReader reader, ValueTask<ReadResult> read)
    {
        ReadResult result = await read.ConfigureAwait(false);
        reader.AdvanceTo(result.Buffer.End);
    }

    private static bool TryRead(PipeReader reader)
    {
        if (!reader.TryRead(out ReadResult result))
        {
            return false;
        }

        reader.AdvanceTo(result.Buffer.End);
        return true;
    }

    private static void BringOne(TestConnection connection)
    {
        connection.BeginReceive()[0] = 1;
        connection.Reader.EndReceive(1);
        connection.Reader.ReturnSpare();
    }
}
