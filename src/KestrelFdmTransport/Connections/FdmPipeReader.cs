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
/// at is listed in docs/design/input.md, with the order of reads and writes that keeps wake-ups from getting lost.
/// </remarks>
internal sealed partial class FdmPipeReader : PipeReader, IValueTaskSource<ReadResult>, IPipeEnd
{
    private readonly PipeHost _host;

    // Consumer.
    private bool _reading;
    private bool _readingTentatively;
    private bool _running;
    private bool _refused;

    // Both sides.
    private ReceivedChain _chain;
    private PipeAwaitable _awaitable;
    private long _examined;
    private long _given;
    private int _minimum = 1;
    private PipeColdState? _cold;

    internal FdmPipeReader(PipeHost host) => _host = host;

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
            long received = _chain.Received;
            ReadResult result = TakeResult();
            SyncPoints.Hit(SyncPoint.ReadCounts, _host);
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
        if (Math.Max(consumedTo, examinedTo) > _chain.Received)
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
            if (consumedTo < _chain.Consumed || _chain.Received == _chain.Consumed)
            {
                PipeErrors.ThrowInvalidCursor();
            }

            _chain.Consume(_host, consumedTo);
        }

        FinishRead();
        if (Volatile.Read(ref _paused) && _chain.Received - _examined < _host.Settings.ReadResumeThreshold)
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
        if (_chain.IsCompleted)
        {
            return;
        }

        if (exception is not null)
        {
            GetOrCreateColdState().CompletionError = ExceptionDispatchInfo.Capture(exception);
        }

        _reading = false;
        _readingTentatively = false;
        _chain.Complete();

        // A paused producer is waiting for us in vain now; it finds out on its loop.
        ResumeProducer();
        _chain.Leave(_host, InputSide.Consumer);
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
        SyncPoints.Hit(SyncPoint.ReadWaits, _host);
        _awaitable.OnCompleted(this, _host, continuation, state, flags);
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
    void IThreadPoolWorkItem.Execute() => _awaitable.Execute(_host);

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
            || _chain.Received - Volatile.Read(ref _examined) >= minimum;

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
        if (ended && !(_host.Settings.IsStream && _chain.Received != _chain.Consumed))
        {
            _cold?.EndError?.Throw();
        }

        bool cancelled = _awaitable.TakeCancellation();
        _running = false;
        long received = _chain.Received;
        Volatile.Write(ref _given, received);
        ReadOnlySequence<byte> buffer = _chain.GetUnconsumed(_host, received);
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
        if (_chain.IsCompleted)
        {
            PipeErrors.ThrowReadingAfterCompleted();
        }
    }

    private PipeColdState GetOrCreateColdState() => PipeColdState.GetOrCreate(ref _cold);

    private void CompleteWait(Origin origin) => _awaitable.Complete(this, _host, _host.Decide(origin));
}
