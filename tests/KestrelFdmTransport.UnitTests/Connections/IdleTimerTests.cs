using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// Whose fault it is that no byte moves. The loop is held while the time passes, and the test has it look.
/// </summary>
public sealed class IdleTimerTests : IDisposable
{
    private const int Timeout = 100;
    private const int MoreThanTheKernelTakes = 2_000_000;

    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();
    private readonly TestConnection _connection;

    public IdleTimerTests()
    {
        _connection = new TestConnection(_loops.Loop, _pool.Create(), pauseThreshold: 0);
        _connection.Start();
    }

    public void Dispose()
    {
        _connection.Connection.Abort(new ConnectionAbortedException());
        Assert.True(_connection.EndAsync().Wait(Eventually.Limit));
        _connection.Dispose();
        _loops.Dispose();
        _pool.AssertAllReturned();
    }

    [Fact]
    public void A_connection_on_which_nothing_waits_is_idle() => Assert.True(IsIdle());

    [Fact]
    public void A_connection_whose_bytes_no_read_has_returned_is_not()
    {
        Receive(10);

        Assert.False(IsIdle());
    }

    [Fact]
    public async Task A_connection_whose_bytes_the_application_is_looking_at_is_idle_until_more_come()
    {
        Receive(10);
        await _connection.Reader.ReadAsync();
        Assert.True(IsIdle());

        Receive(10);
        Assert.False(IsIdle());
    }

    [Fact]
    public async Task A_connection_whose_bytes_the_application_has_left_is_not_idle_before_it_waits_for_more()
    {
        Receive(10);
        ReadResult result = await _connection.Reader.ReadAsync();
        _connection.Reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Assert.False(IsIdle());

        Task<ReadResult> read = _connection.Reader.ReadAsync().AsTask();
        Assert.True(IsIdle());
        _connection.Reader.CancelPendingRead();
        await read.Within("the cancelled read");
    }

    /// <summary>A peer that sends a part of a message must not stay for ever.</summary>
    [Fact]
    public async Task A_connection_whose_bytes_are_fewer_than_the_application_waits_for_is_idle()
    {
        Receive(10);
        Task<ReadResult> read = _connection.Reader.ReadAtLeastAsync(20).AsTask();
        Assert.True(IsIdle());

        Receive(10);
        Assert.Equal(20, (await read.Within("the read")).Buffer.Length);
    }

    [Fact]
    public async Task A_connection_whose_bytes_all_are_consumed_is_idle()
    {
        Receive(10);
        _connection.Reader.AdvanceTo((await _connection.Reader.ReadAsync()).Buffer.End);

        Assert.True(IsIdle());
    }

    [Fact]
    public void A_connection_whose_readiness_is_queued_is_not()
        => Assert.False(
            IsIdle(() => _connection.Io.PendingEvents = EpollFlags.In, () => _connection.Io.PendingEvents = 0));

    [Fact]
    public void A_peer_that_takes_nothing_is_idle_although_it_sends()
    {
        _connection.WriteNow(new byte[MoreThanTheKernelTakes]);
        Receive(10);

        Assert.True(IsIdle());
    }

    /// <summary>The loop is held meanwhile, so it has not heard of the room yet.</summary>
    [Fact]
    public void A_peer_that_has_taken_bytes_is_not_though_the_loop_has_not_heard_of_it()
    {
        _connection.WriteNow(new byte[MoreThanTheKernelTakes]);

        Assert.False(IsIdle(() => Assert.NotEmpty(_connection.TakeArrived())));
    }

    private void Receive(int count)
    {
        long before = _connection.Reader.Received;
        Assert.Equal(count, Sys.Send(_connection.Peer.Value, new byte[count]));
        Eventually.Until(() => _connection.Reader.Received == before + count, "the bytes");
    }

    private bool IsIdle(Action? before = null, Action? after = null)
    {
        bool idle = false;
        _loops.Run(() =>
        {
            _connection.Io.SetIdleTimeout(Timeout);
            before?.Invoke();
            long due = Environment.TickCount64 + Timeout;
            SpinWait.SpinUntil(() => Environment.TickCount64 > due);
            Completion notice = _connection.Io.OnTimer();
            after?.Invoke();
            _connection.Io.SetIdleTimeout(0);
            idle = notice.HasFlag(CompletionFlags.TimedOut);
            if (!idle)
            {
                _connection.Io.RunCallbacks(notice);
            }
        });
        return idle;
    }
}
