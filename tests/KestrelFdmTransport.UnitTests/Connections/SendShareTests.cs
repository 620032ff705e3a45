using System;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>How much one holder of the send gate sends before it leaves.</summary>
[Collection(NonParallel.Name)]
public sealed class SendShareTests : IDisposable
{
    private const int OwnersShare = 256 * 1024;
    private const int OthersShare = 4 * OwnersShare;

    private readonly LoopFixture _loops = new();

    public void Dispose()
    {
        SyncPoints.Handler = null;
        _loops.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public async Task However_quickly_the_peer_reads_no_holder_sends_more_than_its_share(int pieces)
    {
        const int Length = 64 * 1024 * 1024;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var peer = new TcpClient();
        await peer.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using Socket accepted = await listener.AcceptSocketAsync();
        (ConnectionIo io, FdmConnection connection) = Create(Sys.Duplicate((int)accepted.Handle));
        accepted.Dispose();
        LoopFixture.RunOn(_loops.Loop, () => Assert.Equal(0, io.Start()));
        _loops.Loop.OnConnectionOpened();

        long before = 0;
        long ownersMost = 0;
        long othersMost = 0;
        SyncPoints.Handler = (point, subject) =>
        {
            if (subject != io)
            {
                return;
            }

            // Inside the gate, so one after the other.
            long sent = io.Writer.Sent;
            if (point == SyncPoint.SenderLeaves)
            {
                ref long most = ref LoopThread.Owns(_loops.Loop) ? ref ownersMost : ref othersMost;
                most = Math.Max(most, sent - before);
                before = sent;
            }
        };

        byte[] piece = new byte[Length / pieces];
        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < pieces; i++)
            {
                await io.Writer.WriteAsync(piece);
            }
        });
        long arrived = 0;
        byte[] buffer = new byte[1024 * 1024];
        while (arrived < Length)
        {
            int count = await peer.GetStream().ReadAsync(buffer).AsTask().Within("the bytes");
            Assert.NotEqual(0, count);
            arrived += count;
        }

        await writing.Within("the end of the writing");
        SyncPoints.Handler = null;
        Assert.Equal(Length, arrived);
        Assert.InRange(ownersMost, 0, OwnersShare);
        Assert.InRange(othersMost, 1, OthersShare);
        connection.Abort(new ConnectionAbortedException());
        await connection.DisposeAsync().AsTask().Within("the end of the connection");
    }

    [Fact]
    public void A_holder_is_not_kept_by_a_producer_that_flushes_a_byte_at_a_time()
    {
        const int Flushes = 2_000;

        using var connection = new TestConnection(_loops.Loop, new RingPool());
        int left = Flushes;
        int sends = 0;
        int thread = 0;
        SyncPoints.Handler = (point, subject) =>
        {
            if (subject != connection.Io || Environment.CurrentManagedThreadId != thread)
            {
                return;
            }

            if (point == SyncPoint.SenderSends)
            {
                sends++;
            }
            else if (point == SyncPoint.SenderLeaves && left-- > 0)
            {
                // As from another thread: the gate is busy, so the flush leaves a pending bit. With a byte received
                // meanwhile it is no burst.
                connection.BeginReceive();
                connection.Reader.EndReceive(1);
                connection.Writer.GetSpan(1)[0] = 1;
                connection.Writer.Advance(1);
                _ = connection.Writer.FlushAsync().AsTask();
                connection.TakeArrived();
            }
        };
        TestThreads.Run(() =>
        {
            thread = Environment.CurrentManagedThreadId;
            _ = connection.Writer.WriteAsync(new byte[] { 1 }).AsTask();
        });

        Assert.InRange(sends, 1, 1 + (OthersShare / EndpointBuffers.BlockSize));
        Eventually.Until(
            () =>
            {
                connection.TakeArrived();
                return connection.Writer.IsDrained;
            },
            "the pool to send the rest");
    }

    private (ConnectionIo Io, FdmConnection Connection) Create(int descriptor)
    {
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(ApplicationScheduling.ThreadPool),
            FinOnError = false,
            ReadPauseThreshold = 0,
            WritePauseThreshold = 0,
            Logger = NullLogger.Instance,
        };
        Assert.InRange(descriptor, 0, int.MaxValue);
        var buffers = new EndpointBuffers(System.Buffers.MemoryPool<byte>.Shared, NullLogger.Instance);
        var io = new ConnectionIo(descriptor, isUnix: false, buffers, settings) { Loop = _loops.Loop };
        return (io, new FdmConnection(io, new(default), default));
    }
}
