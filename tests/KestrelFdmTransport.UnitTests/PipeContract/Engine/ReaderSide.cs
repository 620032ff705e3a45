using System;
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>One of the two readers in a duel, with what its caller would have in hand.</summary>
internal sealed class ReaderSide(IReaderSubject subject) : IDisposable
{
    private CancellationTokenSource? _source;
    private CancellationToken _pendingToken;
    private Exception? _inputError;
    private ReadOnlySequence<byte> _buffer;

    public IReaderSubject Subject => subject;

    public PendingOperation<ReadResult>? Pending { get; private set; }

    /// <summary>The length of the latest buffer.</summary>
    public long Length => _buffer.Length;

    [SuppressMessage(
        "Reliability", "CA2012", Justification = "Looking at a value task before it is complete is what is tested.")]
    public Observation Read(int? minimum, TokenChoice choice, long? position)
    {
        CancellationToken token = NewToken(choice);
        ValueTask<ReadResult> task;
        try
        {
            task = minimum is { } size ? subject.Reader.ReadAtLeastAsync(size, token) : subject.Reader.ReadAsync(token);
        }
        catch (Exception error)
        {
            return Failure(Outcome.Threw, error, token);
        }

        if (task.IsCompleted)
        {
            return Observe(new PendingOperation<ReadResult>(task).Take(), position, token);
        }

        Pending = new PendingOperation<ReadResult>(task);
        _pendingToken = token;
        return new Observation(Outcome.Pending);
    }

    public Observation TryRead(long? position)
    {
        try
        {
            if (!subject.Reader.TryRead(out ReadResult result))
            {
                return new Observation(Outcome.NoResult);
            }

            _buffer = result.Buffer;
            return Observation.Of(result, position);
        }
        catch (Exception error)
        {
            return Failure(Outcome.Threw, error);
        }
    }

    /// <summary>Takes the result of the pending read, which must be complete.</summary>
    public Observation Collect(long? position)
    {
        PendingOperation<ReadResult> pending = Pending!;
        Pending = null;
        return Observe(pending.Take(), position, _pendingToken);
    }

    public Observation Advance(long consumed, bool otherForm)
        => Call(reader => reader.AdvanceTo(Position(consumed, otherForm)));

    public Observation Advance(long consumed, long examined, bool otherForm) =>
        Call(reader => reader.AdvanceTo(Position(consumed, otherForm), Position(examined, otherForm)));

    public Observation Call(Action<PipeReader> call)
    {
        try
        {
            call(subject.Reader);
            return new Observation(Outcome.Done);
        }
        catch (Exception error)
        {
            return Failure(Outcome.Threw, error);
        }
    }

    public void CancelToken() => _source?.Cancel();

    public void EndOfInput(Exception? error)
    {
        _inputError = error;
        subject.EndOfInput(error);
    }

    public void Dispose() => _source?.Dispose();

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

    private Observation Observe((ReadResult Value, Exception? Error) end, long? position, CancellationToken token)
    {
        if (end.Error is { } error)
        {
            return Failure(Outcome.Faulted, error, token);
        }

        _buffer = end.Value.Buffer;
        return Observation.Of(end.Value, position);
    }

    private Observation Failure(Outcome outcome, Exception error, CancellationToken token = default) => new(
        outcome,
        Exception: _inputError is { } given && subject.IsInputError(error, given)
            ? ExceptionText.EndError
            : ExceptionText.Of(error, token));

    // One place between two segments has two forms: the end of the first and the start of the second.
    private SequencePosition Position(long offset, bool otherForm)
    {
        if (offset == _buffer.Length)
        {
            return _buffer.End;
        }

        return otherForm ? _buffer.Slice(0, offset).End : _buffer.GetPosition(offset);
    }
}
