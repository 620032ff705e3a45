using System;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>A flush to a full socket meets the peer's reading. The test's threads take the loop's part.</summary>
[Collection(NonParallel.Name)]
public sealed class FlushWaitRaceTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>All unsent bytes leave at a moment when no thread would complete the flush.</summary>
    [Theory]
    [InlineData(nameof(SyncPoint.FlushPauses))]
    [InlineData(nameof(SyncPoint.FlushWaits))]
    public async Task Room_that_comes_as_a_flush_begins_to_wait_ends_the_wait(string point)
    {
        using TestConnection connection = WithSmallBuffer(inline: false);
        byte[] bytes = new byte[2_000];
        FillSocket(connection, bytes);
        using var race = new AtSyncPoint(Enum.Parse<SyncPoint>(point), connection.Io, () => MakeRoom(connection));

        Task<FlushResult> flush = connection.Writer.WriteAsync(bytes).AsTask();
        race.AssertHappened();

        await flush.Within("the flush");
        Assert.Equal(0, _pool.Rented);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_flush_to_a_full_socket_ends_when_the_socket_has_room_and_all_its_bytes_leave(bool inline)
    {
        const int Rounds = 10_000;
        const int FlushSize = 2_000;

        using TestConnection connection = WithSmallBuffer(inline);
        long sent = 0;
        long arrived = 0;
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            byte[] bytes = new byte[8192];
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                if (number == 0)
                {
                    sent += FillSocket(connection, bytes);
                }

                Task<FlushResult>? flush = null;
                meeting.Meet();
                Thread.SpinWait(random.Next(50));
                if (number == 0)
                {
                    flush = connection.Writer.WriteAsync(bytes.AsMemory(0, FlushSize)).AsTask();
                    sent += FlushSize;
                }
                else
                {
                    arrived += MakeRoom(connection);
                }

                meeting.Meet();
                if (number == 0)
                {
                    Eventually.Until(() => flush!.IsCompleted, $"the flush of round {round}");
                    arrived += connection.TakeArrived().Length;
                    Assert.Equal(sent, arrived);
                }
            }
        });
        Assert.Equal(0, _pool.Rented);
        _pool.AssertNoViolation();
    }

    private TestConnection WithSmallBuffer(bool inline)
    {
        var connection = new TestConnection(_loops.Loop, _pool.Create(), inline, pauseThreshold: 1_000);
        using var handle = new SafeSocketHandle(connection.Descriptor, ownsHandle: false);
        using var socket = new Socket(handle);
        socket.SendBufferSize = 4096;
        return connection;
    }

    /// <summary>The peer reads everything, and the loop hears of it.</summary>
    private static int MakeRoom(TestConnection connection)
    {
        int arrived = connection.TakeArrived().Length;
        connection.Io.RunCallbacks(connection.Io.OnReady(EpollFlags.Out));
        return arrived;
    }

    private static long FillSocket(TestConnection connection, byte[] bytes)
    {
        long filled = 0;
        int count;
        while ((count = Sys.Send(connection.Descriptor, bytes)) > 0)
        {
            filled += count;
        }

        Assert.Equal(-Errno.EAGAIN, count);
        return filled;
    }
}
