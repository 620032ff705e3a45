using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

[SuppressMessage(
    "Reliability", "CA2012", Justification = "What a value task does before it is awaited is what is tested.")]
public abstract partial class PipeReaderContractTests
{
    [Fact]
    public async Task A_read_that_bytes_and_a_cancellation_race_for_continues_exactly_once()
    {
        await using IReaderSubject subject = Create();
        List<PendingOperation<ReadResult>> reads = [];
        for (int i = 0; i < 300; i++)
        {
            PendingOperation<ReadResult> read = ContinuationProbe.Race(
                subject.Reader.ReadAsync(), () => subject.Feed([1]), subject.Reader.CancelPendingRead);
            reads.Add(read);
            subject.Reader.AdvanceTo(read.Take().Value.Buffer.End);

            // A byte or a cancellation that came too late for this read is left for the next one.
            subject.Settle();
            while (subject.Reader.TryRead(out ReadResult rest))
            {
                subject.Reader.AdvanceTo(rest.Buffer.End);
            }
        }

        Assert.All(reads, static read => Assert.Equal(1, read.Runs));
    }

    [Fact]
    public async Task An_awaiting_method_keeps_its_execution_context()
    {
        await using IReaderSubject subject = Create();

        string? seen = await ContinuationProbe.SeeContextAfterAwaitAsync(
            () => subject.Reader.ReadAsync(),
            () => subject.Feed([1]));

        Assert.Equal("awaiting", seen);
    }

    [Fact]
    public async Task A_registered_continuation_runs_in_the_execution_context_it_was_registered_in()
    {
        await using IReaderSubject subject = Create();

        string? seen = await ContinuationProbe.SeeContextInContinuationAsync(
            () => subject.Reader.ReadAsync(),
            () => subject.Feed([1]));

        Assert.Equal("awaiting", seen);
    }

    [Fact]
    public async Task A_continuation_is_not_posted_to_a_synchronization_context()
    {
        await using IReaderSubject subject = Create();

        int posts = ContinuationProbe.CountPosts(() => subject.Reader.ReadAsync(), () => subject.Feed([1]));

        Assert.Equal(0, posts);
    }

    [Fact]
    public async Task A_continuation_that_is_registered_late_runs_at_once()
    {
        await using IReaderSubject subject = Create();
        var read = new PendingOperation<ReadResult>(subject.Reader.ReadAsync());
        Assert.False(read.IsComplete);

        subject.Feed([1]);
        Assert.True(read.Wait(ContinuationProbe.Patience));
        read.Attach();

        Assert.True(read.Wait(ContinuationProbe.Patience));
        Assert.Equal(1, read.Take().Value.Buffer.Length);
    }

    [Fact]
    public async Task The_result_of_a_pending_read_cannot_be_taken()
    {
        await using IReaderSubject subject = Create();
        ValueTaskAwaiter<ReadResult> awaiter = subject.Reader.ReadAsync().GetAwaiter();

        var error = Assert.Throws<InvalidOperationException>(() => awaiter.GetResult());

        Assert.Equal("Can't GetResult unless awaiter is completed.", error.Message);
    }

    [Fact]
    public async Task A_read_that_is_awaited_twice_fails_both_and_ends_the_input()
    {
        await using IReaderSubject subject = Create();

        (Exception? first, Exception? second) = await ContinuationProbe.AwaitTwiceAsync(subject.Reader.ReadAsync());

        AssertConcurrent(first);
        AssertConcurrent(second);
        AssertConcurrent(Assert.Throws<InvalidOperationException>(() => subject.Reader.TryRead(out _)));
        AssertConcurrent(
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await subject.Reader.ReadAsync()));

        static void AssertConcurrent(Exception? error)
        {
            Assert.IsType<InvalidOperationException>(error);
            Assert.Equal("Concurrent reads or writes are not supported.", error.Message);
        }
    }

    [Fact]
    public async Task A_token_that_is_cancelled_after_the_read_does_not_touch_the_next()
    {
        await using IReaderSubject subject = Create();
        using var source = new CancellationTokenSource();
        ValueTask<ReadResult> read = subject.Reader.ReadAsync(source.Token);
        subject.Feed([1]);
        subject.Reader.AdvanceTo((await read).Buffer.End);

        ValueTask<ReadResult> next = subject.Reader.ReadAsync();
        await source.CancelAsync();

        Assert.False(next.IsCompleted);
        subject.Feed([2]);
        Assert.False((await next).IsCanceled);
    }

    private IReaderSubject Create() => Create(PauseThresholds[^1]);
}
