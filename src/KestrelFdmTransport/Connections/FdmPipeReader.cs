using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The application's end of the input: a chain of received blocks that the loop appends to while the application reads,
/// with the contract of <see cref="Pipe"/>'s reader and without its lock. The loop's side is in the other part of this
/// type.
/// </summary>
/// <remarks>
/// Consumer state belongs to the application, which makes one call at a time (the pipe contract). What both sides look
/// at is listed in docs/architecture.md, with the order of reads and writes that keeps wake-ups from getting lost.
/// </remarks>
internal sealed partial class FdmPipeReader : PipeReader, IValueTaskSource<ReadResult>, IPipeEnd
{
    private readonly ConnectionIo _io;

    // Consumer.
    private BufferSegment? _head;
    private BufferSegment? _tail;
    private bool _reading;
    private bool _readingTentatively;
    private bool _running;
    private bool _refused;

    // Both sides.
    private PipeAwaitable _awaitable;
    private long _examined;
    private long _consumed;
    private long _given;
    private int _minimum = 1;
    private bool _completed;
    private PipeColdState? _cold;

    internal FdmPipeReader(ConnectionIo io) => _io = io;

    public override bool TryRead(out ReadResult result)
    {
        ThrowIfCompleted();
        if (HasAtLeast(1) && !Refuses())
        {
            result = TakeResult();
            return true;
        }

        if (_running)
        {
            PipeErrors.ThrowReadingInProgress();
        }

        BeginTentativeRead();
        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        return HasAtLeast(1) && !MustYield(1) ? new ValueTask<ReadResult>(TakeResult()) : Wait(cancellationToken);
    }

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        if (HasAtLeast(1) && !MustYield(minimumSize))
        {
            // Before the result: what comes between the two is in it at least, and afterwards it might not be.
            long received = Volatile.Read(ref _received);
            ReadResult result = TakeResult();
            SyncPoints.Hit(SyncPoint.ReadCounts, _io);
            if (received - _examined >= minimumSize || result.IsCanceled || result.IsCompleted)
            {
                return new ValueTask<ReadResult>(result);
            }

            FinishRead();
        }

        if (minimumSize > 1 && !HasAtLeast(minimumSize))
        {
            // Against a producer that has just paused: it looks at the minimum after it has said so.
            Interlocked.Exchange(ref _minimum, minimumSize);
            ResumeProducer();
        }

        return Wait(cancellationToken);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        ThrowIfCompleted();
        var consumedSegment = (BufferSegment?)consumed.GetObject();
        var examinedSegment = (BufferSegment?)examined.GetObject();
        long consumedTo = consumedSegment is null ? -1 : consumedSegment.RunningIndex + consumed.GetInteger();
        long examinedTo = examinedSegment is null ? -1 : examinedSegment.RunningIndex + examined.GetInteger();
        if (consumedSegment is not null && examinedSegment is not null && examinedTo < consumedTo)
        {
            PipeErrors.ThrowInvalidExaminedOrConsumed();
        }

        // What was received only grows, so no position that we gave out is beyond it.
        if (Math.Max(consumedTo, examinedTo) > Volatile.Read(ref _received))
        {
            PipeErrors.ThrowInvalidCursor();
        }

        if (examinedSegment is not null)
        {
            // May go back: Pipe of .NET 10 allows it. A full fence: the producer writes its pause and then reads this;
            // we write this and then look for a pause.
            Interlocked.Exchange(ref _examined, examinedTo);
        }

        if (consumedSegment is not null)
        {
            if (consumedTo < _consumed || Volatile.Read(ref _received) == _consumed)
            {
                PipeErrors.ThrowInvalidCursor();
            }

            Consume(consumedTo);
        }

        FinishRead();
        if (Volatile.Read(ref _paused) != 0
            && Volatile.Read(ref _received) - _examined < _io.Settings.ReadResumeThreshold)
        {
            ResumeProducer();
        }
    }

    public override void CancelPendingRead()
    {
        _awaitable.Cancel();
        CompleteWait(Origin.Foreign);
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        if (exception is not null)
        {
            GetOrCreateColdState().CompletionError = ExceptionDispatchInfo.Capture(exception);
        }

        _reading = false;
        _readingTentatively = false;
        Volatile.Write(ref _completed, true);

        // A paused producer is waiting for us in vain now; it finds out on its loop.
        Interlocked.MemoryBarrier();
        ResumeProducer();
        ReturnChain(InputCompletion.Consumer);
    }

    /// <summary>
    /// As with <see cref="Pipe"/>: when the transport's end is completed, with what it was completed with.
    /// </summary>
    [Obsolete(
        "OnWriterCompleted may not be invoked on all implementations of PipeReader. This will be removed in a future "
            + "release.")]
    public override void OnWriterCompleted(Action<Exception?, object?> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        GetOrCreateColdState().AddCallback(callback, state, ref _ended);
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token)
        => _awaitable.GetStatus(IsReady, isFaulted: Volatile.Read(ref _ended) && _cold?.EndError is not null);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        SyncPoints.Hit(SyncPoint.ReadWaits, _io);
        _awaitable.OnCompleted(this, _io, continuation, state, flags);
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        if (!IsReady)
        {
            PipeErrors.ThrowGetResultBeforeCompleted();
        }

        if (_cold is not { HasToken: true } cold)
        {
            return TakeResult();
        }

        CancellationToken requested = cold.UnregisterToken();
        ReadResult result = TakeResult();
        if (result.IsCanceled)
        {
            requested.ThrowIfCancellationRequested();
        }

        return result;
    }

    /// <summary>Runs a continuation that was dispatched.</summary>
    void IThreadPoolWorkItem.Execute() => _awaitable.Execute(_io);

    void IPipeEnd.Fail(Exception error) => CompleteInput(error);

    void IPipeEnd.OnTokenCancelled()
    {
        if (_cold!.IsTokenCancelled)
        {
            CancelPendingRead();
        }
    }

    /// <summary>True if a read that waits would go on.</summary>
    public bool IsReady => HasAtLeast(Volatile.Read(ref _minimum));

    private bool HasAtLeast(int minimum)
        => _awaitable.IsCancelled
            || Volatile.Read(ref _ended)
            || Volatile.Read(ref _received) - Volatile.Read(ref _examined) >= minimum;

    /// <summary>
    /// True if a read that could complete at once lets others run first. One that is about to be refused does not wait
    /// for that.
    /// </summary>
    private bool MustYield(int minimum)
    {
        if (!CooperativeBudget.IsSpent() || _reading || !HasAtLeast(minimum))
        {
            return false;
        }

        _awaitable.BeginYield();
        return true;
    }

    /// <summary>
    /// True if <see cref="TryRead"/> has nothing to give although there are bytes, because others are to run first. The
    /// next call gets them: if it is a <see cref="ReadAsync"/>, asynchronously.
    /// </summary>
    private bool Refuses()
    {
        if (!CooperativeBudget.IsSpent() || _running || _reading || _awaitable.IsCancelled || Volatile.Read(ref _ended))
        {
            return false;
        }

        _refused = !_refused;
        if (_refused)
        {
            CooperativeBudget.Exhaust();
        }

        return _refused;
    }

    private ValueTask<ReadResult> Wait(CancellationToken cancellationToken)
    {
        CooperativeBudget.Renew();
        _running = true;
        if (cancellationToken.CanBeCanceled)
        {
            GetOrCreateColdState().RegisterToken(this, cancellationToken);
        }

        return new ValueTask<ReadResult>(this, 0);
    }

    private ReadResult TakeResult()
    {
        // In this order: once the input has ended, nothing more is received.
        bool ended = Volatile.Read(ref _ended);
        if (ended && !(_io.Settings.IsStream && Volatile.Read(ref _received) != _consumed))
        {
            _cold?.EndError?.Throw();
        }

        bool cancelled = _awaitable.TakeCancellation();
        _running = false;
        ReadOnlySequence<byte> buffer = Unconsumed();
        if (cancelled)
        {
            BeginTentativeRead();
        }
        else
        {
            if (_reading)
            {
                PipeErrors.ThrowReadingInProgress();
            }

            _reading = true;
        }

        Volatile.Write(ref _minimum, 1);
        return new ReadResult(buffer, cancelled, ended);
    }

    private ReadOnlySequence<byte> Unconsumed()
    {
        long received = Volatile.Read(ref _received);
        Volatile.Write(ref _given, received);
        if (received == _consumed || _head is not { } first)
        {
            // Nothing there; or both ends are done and the blocks are gone, which only a read pending since before can
            // see.
            return default;
        }

        BufferSegment head = DropConsumed(first, received);
        BufferSegment tail = _tail ?? head;
        try
        {
            while (tail.NextSegment is { } next && next.RunningIndex < received)
            {
                tail.Seal((int)(next.RunningIndex - tail.RunningIndex));
                tail = next;
            }

            _tail = tail;
            return new ReadOnlySequence<byte>(
                head, (int)(_consumed - head.RunningIndex), tail, (int)(received - tail.RunningIndex));
        }
        catch (ArgumentOutOfRangeException) when (Volatile.Read(ref _completed))
        {
            // Completed on another thread meanwhile, and the blocks are gone.
            return default;
        }
    }

    private void Consume(long consumedTo)
    {
        // Before the claim below: a producer whose lease makes the claim fail looks at this when its lease ends.
        Volatile.Write(ref _consumed, consumedTo);
        long received = Volatile.Read(ref _received);
        if (_head is not { } first)
        {
            // Completed on another thread meanwhile, and the blocks are gone.
            return;
        }

        BufferSegment head = DropConsumed(first, received);
        if (received == consumedTo && !head.IsReleased)
        {
            ReleaseIfConsumed(head);
        }
    }

    /// <summary>
    /// Gives back every segment that lies wholly before what is consumed; the last one stays as the link for more.
    /// </summary>
    /// <remarks>
    /// Never steps onto a segment before the producer has published bytes in it: linked and empty to us, it would look
    /// consumed, and its block would be given back with the new bytes in it.
    /// </remarks>
    private BufferSegment DropConsumed(BufferSegment head, long received)
    {
        while (head.NextSegment is { } next && next.RunningIndex <= _consumed && next.RunningIndex < received)
        {
            if (_tail == head)
            {
                _tail = null;
            }

            // Before it is given back: whoever ends the chain meanwhile must not find it.
            BufferSegment consumed = head;
            _head = head = next;
            _io.Buffers.ReturnBlock(_io.Loop, consumed);

            // The reader may be completed on another thread meanwhile. Complete says so and then, after a full fence,
            // has the chain walked from our head; we have moved the head and look for that after one. So either the
            // walk begins behind the segment, or the object is not used again while another thread walks over it.
            Interlocked.MemoryBarrier();
            if (!Volatile.Read(ref _completed))
            {
                _io.Buffers.Keep(consumed);
            }
        }

        return head;
    }

    private void BeginTentativeRead()
    {
        if (_reading)
        {
            PipeErrors.ThrowReadingInProgress();
        }

        _readingTentatively = true;
    }

    private void FinishRead()
    {
        if (!_reading && !_readingTentatively)
        {
            ThrowIfCompleted();
            PipeErrors.ThrowNoReadToComplete();
        }

        _reading = false;
        _readingTentatively = false;
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            PipeErrors.ThrowReadingAfterCompleted();
        }
    }

    private PipeColdState GetOrCreateColdState() => PipeColdState.GetOrCreate(ref _cold);

    private void CompleteWait(Origin origin) => _awaitable.Complete(this, _io, _io.Decide(origin));
}
