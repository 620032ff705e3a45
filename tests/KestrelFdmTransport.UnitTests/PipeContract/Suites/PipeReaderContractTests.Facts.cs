using System;
using System.Buffers;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <remarks>Random sequences cover these facts too. A failure here has a name instead of a transcript.</remarks>
public abstract partial class PipeReaderContractTests
{
    [Fact]
    public async Task What_has_been_examined_can_be_unexamined()
    {
        await using IReaderSubject subject = Create();
        subject.Feed(new byte[100]);
        ReadResult all = await subject.Reader.ReadAsync();
        subject.Reader.AdvanceTo(all.Buffer.Start, all.Buffer.End);
        subject.Feed(new byte[10]);
        subject.Settle();
        ReadResult more = await subject.Reader.ReadAsync();

        subject.Reader.AdvanceTo(more.Buffer.Start, more.Buffer.GetPosition(50));

        ReadResult again = await subject.Reader.ReadAtLeastAsync(60);
        Assert.Equal(110, again.Buffer.Length);
    }

    [Fact]
    public async Task ReadAtLeastAsync_counts_only_what_has_not_been_examined()
    {
        await using IReaderSubject subject = Create();
        subject.Feed(new byte[100]);
        ReadResult all = await subject.Reader.ReadAsync();
        subject.Reader.AdvanceTo(all.Buffer.Start, all.Buffer.End);

        ValueTask<ReadResult> read = subject.Reader.ReadAtLeastAsync(50);
        subject.Feed(new byte[49]);
        subject.Settle();
        Assert.False(read.IsCompleted);
        subject.Feed(new byte[1]);

        Assert.Equal(150, (await read).Buffer.Length);
    }

    [Fact]
    public async Task ReadAtLeastAsync_can_ask_for_more_than_the_pause_threshold()
    {
        await using IReaderSubject subject = Create(PauseThresholds[0]);
        byte[] bytes = BytePattern.Default.Create(PauseThresholds[0] + 20_000);

        ValueTask<ReadResult> read = subject.Reader.ReadAtLeastAsync(bytes.Length);
        subject.Feed(bytes);

        ReadResult result = await read.AsTask().WaitAsync(ContinuationProbe.Patience);
        Assert.Equal(bytes, result.Buffer.ToArray());
    }

    [Fact]
    public async Task ReadAtLeastAsync_refuses_a_negative_minimum()
    {
        await using IReaderSubject subject = Create();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            "minimumSize",
            async () => await subject.Reader.ReadAtLeastAsync(-1));
    }

    [Fact]
    public async Task A_cancellation_waits_for_the_next_read()
    {
        await using IReaderSubject subject = Create();

        subject.Reader.CancelPendingRead();
        ReadResult cancelled = await subject.Reader.ReadAsync();
        ValueTask<ReadResult> next = subject.Reader.ReadAsync();

        Assert.True(cancelled.IsCanceled);
        Assert.False(next.IsCompleted);
        subject.Feed([1]);
        Assert.False((await next).IsCanceled);
    }

    [Fact]
    public async Task Complete_leaves_a_pending_read_to_the_end_of_the_input()
    {
        await using IReaderSubject subject = Create();
        ValueTask<ReadResult> read = subject.Reader.ReadAsync();

        await subject.Reader.CompleteAsync();
        Assert.False(read.IsCompleted);
        subject.EndOfInput(null);

        ReadResult result = await read.AsTask().WaitAsync(ContinuationProbe.Patience);
        Assert.True(result.IsCompleted);
        Assert.True(result.Buffer.IsEmpty);
    }

    [Fact]
    public async Task An_input_error_is_thrown_at_once_although_bytes_are_left()
    {
        await using IReaderSubject subject = Create();
        var error = new IOException("The input is broken.");
        subject.Feed(new byte[100]);

        subject.EndOfInput(error);

        Exception thrown = await Assert.ThrowsAnyAsync<Exception>(async () => await subject.Reader.ReadAsync());
        Assert.True(subject.IsInputError(thrown, error));
        thrown = Assert.ThrowsAny<Exception>(() => subject.Reader.TryRead(out _));
        Assert.True(subject.IsInputError(thrown, error));
    }

    [Fact]
    public async Task As_a_stream_it_reads_what_was_fed_and_then_the_end()
    {
        await using IReaderSubject subject = Create();
        Stream stream = subject.Reader.AsStream();
        byte[] bytes = BytePattern.Default.Create(10_000);
        subject.Feed(bytes);
        subject.EndOfInput(null);

        using var copy = new MemoryStream();
        copy.WriteByte((byte)stream.ReadByte());
        byte[] part = new byte[5_000];
        await stream.ReadExactlyAsync(part);
        await copy.WriteAsync(part);
        await stream.CopyToAsync(copy);

        Assert.Same(stream, subject.Reader.AsStream());
        Assert.Equal(bytes, copy.ToArray());
        Assert.Equal(0, await stream.ReadAsync(part));
    }

    [Fact]
    public async Task A_disposed_stream_completes_the_reader_unless_it_is_to_be_left_open()
    {
        await using IReaderSubject open = Create();
        await using IReaderSubject closed = Create();

        await open.Reader.AsStream(leaveOpen: true).DisposeAsync();
        await closed.Reader.AsStream().DisposeAsync();

        Assert.False(open.Reader.TryRead(out _));
        Assert.Throws<InvalidOperationException>(() => closed.Reader.TryRead(out _));
    }

    [Fact]
    public async Task It_copies_itself_to_a_pipe_and_to_a_stream()
    {
        foreach (int size in new[] { 1, FixedBlockPool.BlockSize, 3 * FixedBlockPool.BlockSize })
        {
            byte[] bytes = BytePattern.Default.Create(size);
            Assert.Equal(bytes, await CopyAsync(bytes, static (reader, stream) => reader.CopyToAsync(stream)));
            Assert.Equal(
                bytes,
                await CopyAsync(bytes, static (reader, stream) => reader.CopyToAsync(PipeWriter.Create(stream))));
        }

        async Task<byte[]> CopyAsync(byte[] bytes, Func<PipeReader, Stream, Task> copy)
        {
            await using IReaderSubject subject = Create();
            using var stream = new MemoryStream();
            Task done = copy(subject.Reader, stream);
            foreach (byte[] piece in bytes.Chunk(5_000))
            {
                subject.Feed(piece);
            }

            subject.EndOfInput(null);
            await done.WaitAsync(ContinuationProbe.Patience);
            return stream.ToArray();
        }
    }
}
