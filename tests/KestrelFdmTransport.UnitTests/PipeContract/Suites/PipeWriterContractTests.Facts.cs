using System;
using System.Buffers;
using System.IO;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <remarks>Random sequences cover these facts too. A failure here has a name instead of a transcript.</remarks>
public abstract partial class PipeWriterContractTests
{
    [Fact]
    public async Task Complete_flushes_what_is_unflushed()
    {
        await using IWriterSubject subject = Create();
        byte[] bytes = BytePattern.Default.Create(100);
        subject.Writer.Write(bytes);

        await subject.Writer.CompleteAsync();

        byte[] arrived = new byte[bytes.Length];
        Assert.Equal(bytes.Length, subject.Drain(arrived));
        Assert.Equal(bytes, arrived);
        Assert.Equal(0, subject.Writer.UnflushedBytes);
    }

    [Fact]
    public async Task After_Complete_a_flush_does_nothing_and_does_not_throw()
    {
        await using IWriterSubject subject = Create();
        await subject.Writer.CompleteAsync();

        FlushResult result = await subject.Writer.FlushAsync();

        Assert.False(result.IsCanceled);
        Assert.True(subject.EndsWithTheWriter || !result.IsCompleted);
        Assert.Throws<InvalidOperationException>(() => subject.Writer.GetMemory());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await subject.Writer.WriteAsync(new byte[1]));
    }

    [Fact]
    public async Task After_the_end_of_the_output_what_is_written_is_not_counted()
    {
        await using IWriterSubject subject = Create();
        subject.Writer.Write(new byte[100]);

        subject.EndOfOutput(null);
        subject.Writer.GetMemory(10);
        subject.Writer.Advance(10);
        FlushResult write = await subject.Writer.WriteAsync(new byte[20]);

        Assert.True(write.IsCompleted);
        Assert.Equal(100, subject.Writer.UnflushedBytes);
        Assert.True((await subject.Writer.FlushAsync()).IsCompleted);
        Assert.Equal(0, subject.Writer.UnflushedBytes);
    }

    [Fact]
    public async Task A_token_that_is_cancelled_beforehand_leaves_the_bytes_unflushed()
    {
        await using IWriterSubject subject = Create();
        subject.Writer.Write(new byte[100]);

        var cancelled = await Assert.ThrowsAsync<TaskCanceledException>(
            async () => await subject.Writer.FlushAsync(new CancellationToken(canceled: true)));

        Assert.True(cancelled.CancellationToken.IsCancellationRequested);
        Assert.Equal(100, subject.Writer.UnflushedBytes);
    }

    [Fact]
    public async Task A_cancelled_flush_leaves_the_writer_paused()
    {
        await using IWriterSubject subject = Create();
        var first = new PendingOperation<FlushResult>(FlushTooMuch(subject));
        Assert.False(first.IsComplete);

        subject.Writer.CancelPendingFlush();
        Assert.True(first.Wait(ContinuationProbe.Patience));
        Assert.True(first.Take().Value.IsCanceled);
        var second = new PendingOperation<FlushResult>(subject.Writer.FlushAsync());
        Assert.False(second.IsComplete);
        DrainWhatPends(subject);

        Assert.True(second.Wait(ContinuationProbe.Patience));
        Assert.False(second.Take().Value.IsCanceled);
    }

    [Fact]
    public async Task As_a_stream_it_writes_and_flushes()
    {
        await using IWriterSubject subject = Create();
        Stream stream = subject.Writer.AsStream();
        byte[] bytes = BytePattern.Default.Create(6_000);

        stream.WriteByte(bytes[0]);
        await stream.WriteAsync(bytes.AsMemory(1));
        await stream.FlushAsync();

        byte[] arrived = new byte[bytes.Length];
        Assert.Same(stream, subject.Writer.AsStream());
        Assert.Equal(bytes.Length, subject.Drain(arrived));
        Assert.Equal(bytes, arrived);
    }

    [Fact]
    public async Task A_disposed_stream_completes_the_writer_unless_it_is_to_be_left_open()
    {
        await using IWriterSubject open = Create();
        await using IWriterSubject closed = Create();

        await open.Writer.AsStream(leaveOpen: true).DisposeAsync();
        await closed.Writer.AsStream().DisposeAsync();

        Assert.NotEqual(0, open.Writer.GetMemory().Length);
        Assert.Throws<InvalidOperationException>(() => closed.Writer.GetMemory());
    }

    [Fact]
    public async Task A_stream_copies_itself_to_it()
    {
        await using IWriterSubject subject = Create();
        byte[] bytes = BytePattern.Default.Create(7_000);
        using var source = new MemoryStream(bytes);

        await source.CopyToAsync(subject.Writer);

        byte[] arrived = new byte[bytes.Length];
        Assert.Equal(bytes.Length, subject.Drain(arrived));
        Assert.Equal(bytes, arrived);
    }
}
