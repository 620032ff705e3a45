using System;
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>One of the two writers in a duel, with what its caller would have in hand.</summary>
internal sealed class WriterSide(IWriterSubject subject) : IDisposable
{
    private CancellationTokenSource? _source;
    private CancellationToken _pendingToken;
    private Exception? _outputError;
    private Memory<byte> _memory;

    public IWriterSubject Subject => subject;

    public PendingOperation<FlushResult>? Pending { get; private set; }

    /// <summary>What is left of the memory that the latest <see cref="GetMemory"/> gave.</summary>
    public int Remaining => _memory.Length;

    public Observation GetMemory(int hint)
        => Call(writer => _memory = writer.GetMemory(hint)) is { Outcome: Outcome.Threw } thrown
        ? thrown
        : Judge(_memory.Length, hint);

    /// <summary>Gets a span, writes into it and advances.</summary>
    public Observation WriteSpan(int hint, int count, long position)
    {
        int length = 0;
        Observation observation = Call(writer =>
        {
            Span<byte> span = writer.GetSpan(hint);
            length = span.Length;
            BytePattern.Default.Fill(span[..count], position);
            writer.Advance(count);
        });
        return observation.Outcome == Outcome.Threw ? observation : Judge(length, hint);
    }

    /// <summary>Writes into the memory that <see cref="GetMemory"/> gave, and advances.</summary>
    public Observation Advance(int count, long position)
    {
        BytePattern.Default.Fill(_memory.Span[..count], position);
        _memory = _memory[count..];
        return Call(writer => writer.Advance(count));
    }

    /// <summary>Writes into as much memory as it takes, and advances.</summary>
    public void Pad(int count, long position)
    {
        while (count > 0)
        {
            int piece = Math.Min(count, FixedBlockPool.BlockSize);
            subject.Writer.Write(BytePattern.Default.Create(piece, position));
            position += piece;
            count -= piece;
        }
    }

    [SuppressMessage(
        "Reliability", "CA2012", Justification = "Looking at a value task before it is complete is what is tested.")]
    public Observation Flush(ReadOnlyMemory<byte>? bytes, TokenChoice choice)
    {
        CancellationToken token = NewToken(choice);
        ValueTask<FlushResult> task;
        try
        {
            task = bytes is { } source ? subject.Writer.WriteAsync(source, token) : subject.Writer.FlushAsync(token);
        }
        catch (Exception error)
        {
            return Failure(Outcome.Threw, error, token);
        }

        if (task.IsCompleted)
        {
            return Observe(new PendingOperation<FlushResult>(task).Take(), token);
        }

        Pending = new PendingOperation<FlushResult>(task);
        _pendingToken = token;
        return new Observation(Outcome.Pending);
    }

    /// <summary>Takes the result of the pending flush, which must be complete.</summary>
    public Observation Collect()
    {
        PendingOperation<FlushResult> pending = Pending!;
        Pending = null;
        return Observe(pending.Take(), _pendingToken);
    }

    public Observation Call(Action<PipeWriter> call)
    {
        try
        {
            call(subject.Writer);
            return new Observation(Outcome.Done);
        }
        catch (Exception error)
        {
            return Failure(Outcome.Threw, error);
        }
    }

    public void CancelToken() => _source?.Cancel();

    public void EndOfOutput(Exception? error)
    {
        _outputError = error;
        subject.EndOfOutput(error);
    }

    public void Dispose() => _source?.Dispose();

    private static Observation Judge(int length, int hint) => new(
        Outcome.Done, Damage: length >= Math.Max(1, hint) ? null : $"{length} bytes for a hint of {hint}");

    private CancellationToken NewToken(TokenChoice choice)
    {
        if (choice == TokenChoice.Fresh)
        {
            _source?.Dispose();
            _source = new CancellationTokenSource();
        }

        return choice switch
        {
            TokenChoice.Fresh => _source!.Token,
            TokenChoice.AlreadyCancelled => new CancellationToken(canceled: true),
            _ => CancellationToken.None,
        };
    }

    private Observation Observe((FlushResult Value, Exception? Error) end, CancellationToken token) =>
        end.Error is { } error ? Failure(Outcome.Faulted, error, token) : Observation.Of(end.Value);

    private Observation Failure(Outcome outcome, Exception error, CancellationToken token = default) => new(
        outcome,
        Exception: _outputError is { } given && subject.IsOutputError(error, given)
            ? ExceptionText.EndError
            : ExceptionText.Of(error, token));
}
