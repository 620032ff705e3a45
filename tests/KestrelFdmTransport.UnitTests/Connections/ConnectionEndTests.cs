using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>The order in which an application sees the end of its connection.</summary>
public sealed class ConnectionEndTests : IDisposable
{
    private const int MoreThanTheKernelTakes = 2_000_000;
    private const int ShutdownSend = 1;

    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>
    /// On Sockets neither ends inside Abort: the loops of receiving and of sending have to come to it first. Kestrel
    /// relies on that, for it cancels RequestAborted after its call of Abort.
    /// </summary>
    [Theory]
    [InlineData("with a reason")]
    [InlineData("without a reason")]
    [InlineData("by the feature")]
    [InlineData("by the completion of the output with an error")]
    public async Task Nothing_that_waits_goes_on_inside_the_abort_and_writes_go_on_being_held(string how)
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        connection.Start();
        Task<FlushResult> flush = connection.Writer.WriteAsync(new byte[MoreThanTheKernelTakes]).AsTask();
        Task<ReadResult> read = connection.Reader.ReadAsync().AsTask();
        using var goOn = new ManualResetEventSlim();
        Task held = await HoldLoopAsync(goOn);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Connection.ConnectionClosed.Register(closed.SetResult);

        Abort(connection, how);

        Assert.False(flush.IsCompleted);
        Assert.False(read.IsCompleted);
        Assert.False(closed.Task.IsCompleted);
        goOn.Set();
        await held;
        FlushResult? result = null;
        try
        {
            result = await flush.Within("the flush");
        }
        catch (InvalidOperationException)
        {
            Assert.Equal("by the completion of the output with an error", how);
        }

        Assert.True(result is null or { IsCompleted: true });
        Assert.True(connection.Reader.HasEnded);
        await closed.Task.Within("ConnectionClosed");
        await Assert.ThrowsAnyAsync<Exception>(() => read.Within("the read"));
        await connection.EndAsync();
        _pool.AssertAllReturned();
    }

    /// <summary>
    /// What is flushed after the abort is dropped, and does not make the writer look as if there were room again.
    /// </summary>
    [Fact]
    public async Task What_is_dropped_makes_no_room_for_further_writes()
    {
        const int Limit = 64 * 1024;

        using var connection = new TestConnection(_loops.Loop, _pool.Create(), pauseThreshold: Limit);
        connection.Start();
        using var goOn = new ManualResetEventSlim();
        Task held = await HoldLoopAsync(goOn);
        connection.Connection.Abort(new ConnectionAbortedException());
        int written = 0;
        Task<FlushResult> flush;
        do
        {
            flush = connection.Writer.WriteAsync(new byte[1024]).AsTask();
            written += 1024;
        }
        while (flush.IsCompleted && written < 10 * Limit);

        Assert.Equal(Limit, written);
        goOn.Set();
        await held;
        Assert.True((await flush.Within("the flush")).IsCompleted);
        await connection.EndAsync();
        _pool.AssertAllReturned();
    }

    /// <summary>
    /// Until the token's callbacks have run no flush ends with them, and this one waits inside such a callback.
    /// </summary>
    [Fact]
    public async Task A_callback_of_the_token_may_write_and_wait()
    {
        const int Limit = 64 * 1024;

        using var connection = new TestConnection(_loops.Loop, _pool.Create(), pauseThreshold: Limit);
        connection.Start();
        var ended = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Connection.ConnectionClosed.Register(() =>
        {
            Task<FlushResult> flush = connection.Writer.WriteAsync(new byte[Limit]).AsTask();
            ended.SetResult(flush.Wait(Eventually.Limit / 2) && flush.Result.IsCompleted);
        });

        connection.Connection.Abort(new ConnectionAbortedException());

        Assert.True(await ended.Task.Within("the callback"));
        await connection.EndAsync();
        _pool.AssertAllReturned();
    }

    /// <summary>
    /// The peer's FIN fires the token, and Kestrel aborts from its callback before it schedules RequestAborted. A
    /// callback may have lost its CPU for so long that the flush no longer waits for it; so one round of several is
    /// enough.
    /// </summary>
    [Fact]
    public async Task A_flush_waits_for_the_token_that_the_peer_has_fired_though_the_connection_is_closed()
    {
        bool waited = false;
        for (int round = 0; round < 5 && !waited; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            Task<FlushResult> flush = connection.Writer.WriteAsync(new byte[MoreThanTheKernelTakes]).AsTask();
            var closed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            connection.Connection.ConnectionClosed.Register(() =>
            {
                connection.Connection.Abort(null!);
                for (int turn = 0; turn < 3; turn++)
                {
                    // The first iteration runs the command and closes at its end.
                    _loops.Run(static () => { });
                }

                closed.SetResult(!connection.Writer.IsReady);
            });

            Assert.Equal(0, LibC.Shutdown(connection.Peer.Value, ShutdownSend));
            waited = await closed.Task.Within("the callback");
            Assert.True((await flush.Within("the flush")).IsCompleted);
            await connection.EndAsync();
        }

        Assert.True(waited);
        _pool.AssertAllReturned();
    }

    private async Task<Task> HoldLoopAsync(ManualResetEventSlim goOn)
    {
        var inside = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task held = Task.Run(() => _loops.Run(() =>
        {
            inside.SetResult();
            goOn.Within("the test's look");
        }));
        await inside.Task.Within("the loop");
        return held;
    }

    private static void Abort(TestConnection connection, string how)
    {
        switch (how)
        {
            case "with a reason":
                connection.Connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case "without a reason":
                connection.Connection.Abort(null!);
                break;
            case "by the feature":
                ((IConnectionLifetimeFeature)connection.Connection).Abort();
                break;
            default:
                connection.Writer.Complete(new InvalidOperationException("Bad output."));
                break;
        }
    }
}
