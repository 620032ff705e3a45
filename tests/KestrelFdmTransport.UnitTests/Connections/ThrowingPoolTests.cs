using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// A pool whose memory throws when it is looked at costs the connection, and nothing is left behind: no lock, no pin,
/// no block.
/// </summary>
public sealed class ThrowingPoolTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly HookedPool _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>The second flush is copied behind the first, which waits behind a full socket.</summary>
    [Fact]
    public async Task A_flush_whose_memory_throws_leaves_the_writer_usable_and_the_connection_ends()
    {
        using TestConnection connection = Start(pauseThreshold: 0);
        FillSocket(connection);
        connection.WriteNow(new byte[10]);
        connection.Writer.Write(new byte[10]);
        _pool.OnLook = Throw;

        await FlushAsync(connection.Writer);
        await FlushAsync(connection.Writer);

        await EndAsync(connection);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_send_whose_memory_throws_leaves_nothing_pinned_and_ends_the_connection(int successes)
    {
        using TestConnection connection = Start();
        int pins = 0;
        _pool.OnPin = () =>
        {
            if (pins++ == successes)
            {
                Throw();
            }
        };
        connection.Writer.Write(new byte[5 * 4096]);

        await FlushAsync(connection.Writer);

        Assert.Equal(successes + 1, pins);
        Assert.Equal(0, _pool.Pins);
        await EndAsync(connection);
    }

    [Fact]
    public async Task A_write_whose_memory_throws_leaves_the_writer_usable()
    {
        using TestConnection connection = Start();
        _pool.OnLook = Throw;
        await Assert.ThrowsAsync<NotSupportedException>(async () => await connection.Writer.WriteAsync(new byte[10]));
        Assert.Throws<NotSupportedException>(() => connection.Writer.GetSpan().Length);
        _pool.OnLook = null;

        connection.WriteNow(new byte[10]);

        Assert.Equal(10, connection.TakeArrived().Length);
        await EndAsync(connection);
    }

    [Fact]
    public async Task A_receive_whose_memory_throws_ends_the_connection()
    {
        using TestConnection connection = Start();
        _pool.OnLook = Throw;
        Assert.Equal(10, Sys.Send(connection.Peer.Value, new byte[10]));

        await Assert.ThrowsAsync<NotSupportedException>(
            async () => await connection.Reader.ReadAsync().AsTask().Within("the end of the input"));

        await EndAsync(connection);
    }

    [Fact]
    public async Task Completing_a_writer_whose_memory_throws_ends_the_connection()
    {
        using TestConnection connection = Start(pauseThreshold: 0);
        FillSocket(connection);
        connection.WriteNow(new byte[10]);
        connection.Writer.Write(new byte[10]);
        _pool.OnLook = Throw;
        _pool.OnPin = Throw;

        await EndAsync(connection);
    }

    private static void Throw() => throw new NotSupportedException("Looked at.");

    private static void FillSocket(TestConnection connection) => connection.WriteNow(new byte[1_000_000]);

    /// <summary>The result does not matter, but it must not hang.</summary>
    private static async Task FlushAsync(PipeWriter writer)
    {
        try
        {
            await Task.Run(() => writer.FlushAsync().AsTask()).Within("the flush");
        }
        catch (NotSupportedException)
        {
        }
    }

    private TestConnection Start(int pauseThreshold = 64 * 1024)
    {
        var connection = new TestConnection(_loops.Loop, _pool, pauseThreshold: pauseThreshold);
        connection.Start();
        return connection;
    }

    private async Task EndAsync(TestConnection connection)
    {
        Task end = await Task.Run(() => Task.FromResult(connection.EndAsync())).Within("the disposal");

        // What waits for room has its next look at the memory now.
        connection.Peer.Dispose();
        await end;
        Eventually.Until(() => _pool.Rented == 0, $"the return of {_pool.Rented} blocks");
        _pool.AssertAllReturned();
    }
}
