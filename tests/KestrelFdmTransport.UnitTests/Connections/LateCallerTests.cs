using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// Calls that are still running on one thread while another ends the connection. They must affect that connection only.
/// </summary>
[Collection(NonParallel.Name)]
public sealed class LateCallerTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly HookedPool _pool = new();
    private Exception? _failure;

    public void Dispose() => _loops.Dispose();

    /// <summary>
    /// The writer is completed while a write of the application's takes its second block out of the pool.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_writer_that_is_completed_while_it_takes_memory_leaves_nothing_to_another_connection(bool span)
    {
        using TestConnection first = Start();
        using TestConnection other = Start();
        byte[] filling = new byte[4096];
        first.Writer.Write(filling);
        Task? end = null;
        _pool.OnRent = () =>
        {
            _pool.OnRent = null;
            end = Task.Run(first.EndAsync);
            Eventually.Until(() => first.Writer.IsCompleteCalled, "the disposal to complete the writer");
        };

        PipeWriter late = first.Writer;
        if (span)
        {
            "SECRET"u8.CopyTo(late.GetSpan(4096));
        }
        else
        {
            "SECRET"u8.CopyTo(late.GetMemory(4096).Span);
        }

        Late(() => late.Advance(6));
        other.WriteNow(Encoding.ASCII.GetBytes("answer of the other"));
        Late(() => late.Write("SECRET"u8));
        Late(() => late.FlushAsync().AsTask().Wait());
        await end!;

        Assert.Equal("answer of the other", Encoding.ASCII.GetString(other.TakeArrived()));
        byte[] arrived = first.TakeArrived();
        Assert.Equal(filling, arrived[..Math.Min(4096, arrived.Length)]);
        await AssertNothingIsOutAsync(other);
    }

    /// <summary>
    /// The reader is completed while an <c>AdvanceTo</c> gives a block back, and another connection goes on meanwhile.
    /// </summary>
    [Fact]
    public async Task A_reader_that_is_completed_while_it_advances_takes_nothing_from_another_connection()
    {
        const int Blocks = 4;

        using TestConnection first = Start();
        using TestConnection other = Start();
        ReadResult result = await ReceiveAsync(first, Blocks * 4096);
        var blocks = new HashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (ReadOnlyMemory<byte> memory in result.Buffer)
        {
            Assert.True(MemoryMarshal.TryGetMemoryManager(memory, out MemoryManager<byte>? block));
            blocks.Add(block!);
        }

        using var goOn = new ManualResetEventSlim();
        using var ending = new ManualResetEventSlim();
        Thread advancing = Thread.CurrentThread;
        Task? end = null;
        _pool.OnReturn = block =>
        {
            if (!blocks.Contains(block))
            {
                return;
            }

            if (Thread.CurrentThread == advancing && end is null)
            {
                end = first.EndAsync();
                ending.Within("the other thread to give blocks back");
            }
            else if (Thread.CurrentThread != advancing && !ending.IsSet)
            {
                ending.Set();
                goOn.Within("the other connection's answer");
            }
        };

        SequencePosition consumed = result.Buffer.GetPosition((Blocks - 1) * 4096);
        Late(() => first.Reader.AdvanceTo(consumed));
        Memory<byte> room = other.Writer.GetMemory(1);
        goOn.Set();
        await end!;

        "answer of the other"u8.CopyTo(room.Span);
        other.Writer.Advance(19);
        await other.Writer.FlushAsync().AsTask().Within("the other's flush");
        Assert.Equal("answer of the other", Encoding.ASCII.GetString(other.TakeArrived()));
        await AssertNothingIsOutAsync(other);
    }

    /// <summary>What is kept for the next use is kept by the connection, and goes with it.</summary>
    [Fact]
    public async Task No_segment_of_a_connection_is_seen_in_another_one()
    {
        using TestConnection first = Start();
        using TestConnection other = Start();
        ReadResult firsts = await ReceiveAsync(first, 3 * 4096);
        object segment = firsts.Buffer.Start.GetObject()!;
        first.Reader.AdvanceTo(firsts.Buffer.End);
        for (int i = 0; i < 100; i++)
        {
            ReadResult result = await ReceiveAsync(other, 4096);
            Assert.NotSame(segment, result.Buffer.Start.GetObject());
            Assert.NotSame(segment, result.Buffer.End.GetObject());
            other.Reader.AdvanceTo(result.Buffer.End);
        }

        await first.EndAsync();
        await AssertNothingIsOutAsync(other);
    }

    /// <summary>
    /// Everything that a late caller may call, against everything that ends a connection; another connection must not
    /// notice.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Calls_during_a_connections_end_do_not_reach_another_connection(int seed)
    {
        const int Rounds = 300;

        var random = new Random(seed);
        using TestConnection other = Start();
        for (int round = 0; round < Rounds; round++)
        {
            using TestConnection first = Start();
            Assert.True(Sys.Send(first.Peer.Value, new byte[random.Next(1, 30_000)]) > 0);
            Task? end = null;
            int how = random.Next(4);
            int delay = random.Next(300);
            int kind = random.Next(2);
            int choice = random.Next();
            TestThreads.Run(2, (number, meeting) =>
            {
                meeting.Meet();
                if (number == 0)
                {
                    Thread.SpinWait(delay);
                    End(first, how);
                    end = first.EndAsync();
                }
                else if (kind == 0)
                {
                    LateReads(first, new Random(choice));
                }
                else
                {
                    LateWrites(first, new Random(choice));
                }

                if (number == 1)
                {
                    // The same thread goes on with another connection.
                    other.WriteNow(Encoding.ASCII.GetBytes($"answer {round}."));
                }
            });

            if (_failure is not null)
            {
                throw new InvalidOperationException($"Round {round}", _failure);
            }

            await end!;
            Assert.Equal($"answer {round}.", Encoding.ASCII.GetString(other.TakeArrived()));
        }

        await AssertNothingIsOutAsync(other);
    }

    private static void End(TestConnection connection, int how)
    {
        switch (how)
        {
            case 0:
                connection.Connection.Abort(new ConnectionAbortedException());
                break;
            case 1:
                connection.Reader.Complete();
                connection.Writer.Complete(new InvalidOperationException("Ended."));
                break;
            case 2:
                connection.Peer.Dispose();
                break;
        }
    }

    private TestConnection Start()
    {
        var connection = new TestConnection(_loops.Loop, _pool);
        connection.Start();
        return connection;
    }

    private static async Task<ReadResult> ReceiveAsync(TestConnection connection, int count)
    {
        Assert.Equal(count, Sys.Send(connection.Peer.Value, new byte[count]));
        return await connection.Reader.ReadAtLeastAsync(count).AsTask().Within("the bytes");
    }

    private void LateReads(TestConnection connection, Random random)
    {
        for (int i = 0; i < 20; i++)
        {
            Late(() =>
            {
                PipeReader reader = connection.Reader;
                if (reader.TryRead(out ReadResult result) && !result.IsCanceled)
                {
                    SequencePosition consumed = result.Buffer.GetPosition(random.NextInt64(result.Buffer.Length + 1));
                    reader.AdvanceTo(consumed, random.Next(2) == 0 ? result.Buffer.End : consumed);
                }
                else
                {
                    reader.CancelPendingRead();
                }
            });
        }
    }

    private void LateWrites(TestConnection connection, Random random)
    {
        for (int i = 0; i < 20; i++)
        {
            Late(() =>
            {
                PipeWriter writer = connection.Writer;
                switch (random.Next(4))
                {
                    case 0:
                        // Not written to: that memory may have been given back, with a pipe as well.
                        writer.Advance(Math.Min(writer.GetMemory(random.Next(5_000)).Length, random.Next(5_000)));
                        break;
                    case 1:
                        _ = writer.WriteAsync(new byte[random.Next(10_000)]).AsTask();
                        break;
                    case 2:
                        _ = writer.FlushAsync().AsTask();
                        break;
                    case 3:
                        writer.CancelPendingFlush();
                        break;
                }
            });
        }
    }

    /// <summary>What comes too late is refused as a pipe refuses it.</summary>
    private void Late(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (exception is InvalidOperationException
                or ArgumentOutOfRangeException
                or IOException
                or ConnectionAbortedException)
        {
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }

    private async Task AssertNothingIsOutAsync(TestConnection last)
    {
        await last.EndAsync();
        Eventually.Until(() => _pool.Rented == 0, $"the return of {_pool.Rented} blocks");
        _pool.AssertAllReturned();
        Assert.Null(_failure);
    }
}
