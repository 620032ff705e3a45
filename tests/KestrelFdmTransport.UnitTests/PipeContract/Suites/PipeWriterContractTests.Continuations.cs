using System;
using System.Buffers;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

[SuppressMessage(
    "Reliability", "CA2012", Justification = "What a value task does before it is awaited is what is tested.")]
public abstract partial class PipeWriterContractTests
{
    [Fact]
    public async Task A_flush_that_room_and_a_cancellation_race_for_continues_exactly_once()
    {
        await using IWriterSubject subject = Create();
        List<PendingOperation<FlushResult>> flushes = [];
        for (int i = 0; i < 50; i++)
        {
            PendingOperation<FlushResult> flush = ContinuationProbe.Race(
                FlushTooMuch(subject), () => DrainWhatPends(subject), subject.Writer.CancelPendingFlush);
            flushes.Add(flush);

            // A cancellation that came too late waits for the next flush.
            await subject.Writer.FlushAsync();
            await subject.Writer.FlushAsync();
        }

        Assert.All(flushes, static flush => Assert.Equal(1, flush.Runs));
    }

    [Fact]
    public async Task An_awaiting_method_keeps_its_execution_context()
    {
        await using IWriterSubject subject = Create();

        string? seen = await ContinuationProbe.SeeContextAfterAwaitAsync(
            () => FlushTooMuch(subject),
            () => DrainWhatPends(subject));

        Assert.Equal("awaiting", seen);
    }

    [Fact]
    public async Task A_registered_continuation_runs_in_the_execution_context_it_was_registered_in()
    {
        await using IWriterSubject subject = Create();

        string? seen = await ContinuationProbe.SeeContextInContinuationAsync(
            () => FlushTooMuch(subject), () => DrainWhatPends(subject));

        Assert.Equal("awaiting", seen);
    }

    [Fact]
    public async Task A_continuation_is_not_posted_to_a_synchronization_context()
    {
        await using IWriterSubject subject = Create();

        int posts = ContinuationProbe.CountPosts(() => FlushTooMuch(subject), () => DrainWhatPends(subject));

        Assert.Equal(0, posts);
    }

    [Fact]
    public async Task The_result_of_a_pending_flush_cannot_be_taken()
    {
        await using IWriterSubject subject = Create();
        ValueTaskAwaiter<FlushResult> awaiter = FlushTooMuch(subject).GetAwaiter();

        var error = Assert.Throws<InvalidOperationException>(() => awaiter.GetResult());

        Assert.Equal("Can't GetResult unless awaiter is completed.", error.Message);
    }

    [Fact]
    public async Task A_flush_that_is_awaited_twice_fails_both_and_ends_the_output()
    {
        await using IWriterSubject subject = Create();

        (Exception? first, Exception? second) = await ContinuationProbe.AwaitTwiceAsync(FlushTooMuch(subject));

        AssertConcurrent(first);
        AssertConcurrent(second);
        AssertConcurrent(
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await subject.Writer.FlushAsync()));
        AssertConcurrent(await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await subject.Writer.WriteAsync(new byte[1])));

        static void AssertConcurrent(Exception? error)
        {
            Assert.IsType<InvalidOperationException>(error);
            Assert.Equal("Concurrent reads or writes are not supported.", error.Message);
        }
    }

    private int PauseThreshold => PauseThresholds[0];

    private IWriterSubject Create() => Create(PauseThreshold);

    private int TooMuch(IWriterSubject subject) => PauseThreshold + (subject.ExactBackPressure ? 0 : subject.Slack);

    private ValueTask<FlushResult> FlushTooMuch(IWriterSubject subject)
    {
        subject.Writer.Write(new byte[TooMuch(subject)]);
        return subject.Writer.FlushAsync();
    }

    private void DrainWhatPends(IWriterSubject subject)
    {
        byte[] bytes = new byte[TooMuch(subject)];
        Assert.Equal(bytes.Length, subject.Drain(bytes));
    }
}
