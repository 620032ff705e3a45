using System;
using System.Diagnostics;
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
/// The application's end of the output, with the contract of <see cref="Pipe"/>'s writer. A flush hands the whole chain
/// of filled blocks over through a one-place outbox, so that producer and sender never share a buffer. The sender's
/// side is in the other part of this type.
/// </summary>
internal sealed partial class FdmPipeWriter : PipeWriter, IValueTaskSource<FlushResult>, IPipeEnd
{
    /// <summary>
    /// Up to this many bytes are copied behind what waits in the outbox rather than sent from a block of their own.
    /// </summary>
    private const int MergeLimit = 1024;

    private const int Idle = 0;
    private const int Producing = 1;
    private const int CompletePending = 2;

    private readonly ConnectionIo _io;

    // Producer.
    private UnflushedChain _written;

    // Both sides.
    private BufferSegment? _outbox;
    private long _committed;
    private int _paused;
    private int _producing;
    private bool _completeCalled;
    private bool _completed;
    private PipeColdState? _cold;

    internal FdmPipeWriter(ConnectionIo io) => _io = io;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _written.Length;

    /// <remarks>
    /// An existing segment needs no guard against a <see cref="Complete"/> on another thread. The segment may be
    /// returned meanwhile, but a completed writer never uses it again. So a late caller can only write into returned
    /// memory, as with <see cref="Pipe"/>.
    /// </remarks>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        if (sizeHint < 0)
        {
            PipeErrors.ThrowOutOfRange(nameof(sizeHint));
        }

        Memory<byte> room = _written.Tail is { } tail ? tail.Room : default;
        if (room.Length >= Math.Max(1, sizeHint))
        {
            return room;
        }

        BeginProducing();
        try
        {
            return EnsureRoom(sizeHint).Room;
        }
        finally
        {
            EndProducing();
        }
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        BufferSegment? tail = _written.Tail;
        if ((uint)bytes > (uint)(tail?.Free ?? 0))
        {
            PipeErrors.ThrowOutOfRange(nameof(bytes));
        }

        if (tail is not null && !IsConsumerCompleted)
        {
            _written.Advance(tail, bytes);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        bool committed;
        BeginProducing();
        try
        {
            committed = Commit();
        }
        finally
        {
            EndProducing();
        }

        if (committed)
        {
            _io.Sender.Flush();
            DropIfShut();
        }

        Pause();
        return IsReady && !MustYield() ? new ValueTask<FlushResult>(TakeResult()) : Wait(cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (IsConsumerCompleted)
        {
            _cold?.EndError?.Throw();

            // Nothing is to be sent any more. Code that writes on all the same lets others run as well.
            return CooperativeBudget.IsSpent()
                ? EndedLaterAsync()
                : new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: true));
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        BeginProducing();
        try
        {
            Append(source.Span);
        }
        finally
        {
            EndProducing();
        }

        return FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        GetOrCreateColdState().FlushAwaitable.Cancel();
        CompleteWait(Origin.Foreign);
    }

    public override void Complete(Exception? exception = null)
    {
        // Made before it is said that there is an end: there may be no memory for it.
        PipeColdState? cold = exception is null ? null : GetOrCreateColdState();
        if (Interlocked.Exchange(ref _completeCalled, true))
        {
            return;
        }

        cold?.CompletionError = ExceptionDispatchInfo.Capture(exception!);

        if ((Interlocked.Or(ref _producing, CompletePending) & Producing) == 0)
        {
            CompleteWhileProducing();
        }
    }

    /// <summary>
    /// As with <see cref="Pipe"/>: when the transport's end is completed, with what it was completed with.
    /// </summary>
    [Obsolete(
        "OnReaderCompleted may not be invoked on all implementations of PipeWriter. This will be removed in a future "
            + "release.")]
    public override void OnReaderCompleted(Action<Exception?, object?> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        GetOrCreateColdState().AddCallback(callback, state, ref _consumerCompleted);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token)
    {
        PipeColdState cold = _cold!;
        bool isFaulted = IsConsumerCompleted && cold.EndError is not null;
        return cold.FlushAwaitable.GetStatus(IsReady, isFaulted);
    }

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        SyncPoints.Hit(SyncPoint.FlushWaits, _io);
        _cold!.FlushAwaitable.OnCompleted(this, _io, continuation, state, flags);
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        if (!IsReady)
        {
            PipeErrors.ThrowGetResultBeforeCompleted();
        }

        if (_cold is not { HasToken: true } cold)
        {
            return TakeResult();
        }

        // The end of the output comes before the token; the token comes before a result.
        CancellationToken requested = cold.UnregisterToken();
        FlushResult result = TakeResult();
        requested.ThrowIfCancellationRequested();
        return result;
    }

    /// <summary>Runs a continuation that was dispatched.</summary>
    void IThreadPoolWorkItem.Execute() => _cold!.FlushAwaitable.Execute(_io);

    void IPipeEnd.Fail(Exception error) => CompleteConsumer(error);

    void IPipeEnd.OnTokenCancelled()
    {
        if (_cold!.IsTokenCancelled)
        {
            CancelPendingFlush();
        }
    }

    /// <summary>True if a flush would not wait, or no longer.</summary>
    public bool IsReady
        => Volatile.Read(ref _paused) == 0
            || IsConsumerCompleted
            || (Volatile.Read(ref _cold) is { } cold && cold.FlushAwaitable.IsCancelled);

    /// <summary>
    /// Keeps the producer's own calls apart from a <see cref="Complete"/> on another thread: a broadcast may be writing
    /// when the connection is disposed, and <see cref="Pipe"/> allows that. <see cref="Complete"/> never waits; it
    /// leaves itself to the producer that is inside. Two producers at once break the contract and wait for each other's
    /// copying.
    /// </summary>
    private void BeginProducing()
    {
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref _producing, Producing, Idle) != Idle)
        {
            spin.SpinOnce();
        }
    }

    private void EndProducing()
    {
        if (Interlocked.CompareExchange(ref _producing, Idle, Producing) != Producing)
        {
            CompleteWhileProducing();
        }
    }

    [Conditional("DEBUG")]
    private void AssertProducing()
        => Debug.Assert(Volatile.Read(ref _producing) != Idle, "Only a producer touches what is not flushed.");

    private void CompleteWhileProducing()
    {
        try
        {
            if (_cold?.CompletionError is null)
            {
                Commit();
            }
            else
            {
                ReturnChain(_written.Take(out _, out _));
            }
        }
        finally
        {
            // Before the send below: a sender that finds everything sent after this ends the connection.
            Volatile.Write(ref _completed, true);
            Interlocked.Exchange(ref _producing, Idle);
            _io.Sender.Send(Origin.Foreign);
            DropIfShut();
        }
    }

    /// <summary>
    /// Empties the outbox if no sender will. The closer shuts the gate and then empties the outbox; the producer has
    /// filled it, passed a fence and looks the other way round. What a sender can still come for must stay: the end of
    /// the connection waits until everything committed has left.
    /// </summary>
    private void DropIfShut() => ReturnChain(_io.Sender.IsShut ? Interlocked.Exchange(ref _outbox, null) : null);

    private void Append(ReadOnlySpan<byte> source)
    {
        while (source.Length > 0)
        {
            BufferSegment tail = EnsureRoom(0);
            int count = Math.Min(tail.Free, source.Length);
            source[..count].CopyTo(tail.Block.Span[tail.End..]);
            _written.Advance(tail, count);
            source = source[count..];
        }
    }

    private BufferSegment EnsureRoom(int sizeHint)
    {
        AssertProducing();
        ThrowIfCompleted();
        if (_written.Tail is { } tail && tail.Free >= Math.Max(1, sizeHint))
        {
            return tail;
        }

        BufferSegment segment = _io.Buffers.Rent(_io.Loop, sizeHint);
        _written.Append(segment);
        return segment;
    }

    /// <summary>Hands everything written over to the sender. True if there was anything.</summary>
    private bool Commit()
    {
        AssertProducing();
        if (_written.Take(out BufferSegment? tail, out long count) is not { } head)
        {
            return false;
        }

        bool linked = false;
        if (count == 0 || IsConsumerCompleted)
        {
            ReturnChain(head);
            return false;
        }

        // A flush that was not sent yet is taken back, so that the outbox holds one chain and small flushes share a
        // block.
        if (Volatile.Read(ref _outbox) is not null && Interlocked.Exchange(ref _outbox, null) is { } waiting)
        {
            BufferSegment waitingTail = _cold?.OutboxTail ?? waiting.Last;
            if (head == tail && head.End <= MergeLimit && head.End <= waitingTail.Free && waitingTail.TryCopy(head))
            {
                Return(head);
                tail = waitingTail;
            }
            else
            {
                waitingTail.Link(head);
                linked = true;
            }

            head = waiting;
        }

        SyncPoints.Hit(SyncPoint.FlushCommits, _io);

        // Before the outbox is filled: what is sent never exceeds what is committed.
        Volatile.Write(ref _committed, _committed + count);
        Volatile.Write(ref _outbox, head);

        // Behind a full socket there may be any number of blocks, so the last one is kept. Last of all: there may be no
        // memory for it.
        if ((linked ? GetOrCreateColdState() : _cold) is { } cold)
        {
            cold.OutboxTail = tail;
        }

        return true;
    }

    private void Pause()
    {
        if (!IsOverPauseThreshold || Volatile.Read(ref _paused) != 0)
        {
            return;
        }

        SyncPoints.Hit(SyncPoint.FlushPauses, _io);

        // The sender advances and then looks for a pause; we announce it and then look at what is sent.
        Interlocked.Exchange(ref _paused, 1);
        if (Unsent < _io.Settings.WriteResumeThreshold)
        {
            Interlocked.Exchange(ref _paused, 0);
        }
    }

    /// <summary>True if a flush that could complete at once lets others run first.</summary>
    private bool MustYield()
    {
        if (!CooperativeBudget.IsSpent())
        {
            return false;
        }

        GetOrCreateColdState().FlushAwaitable.BeginYield();
        return true;
    }

    private ValueTask<FlushResult> Wait(CancellationToken cancellationToken)
    {
        CooperativeBudget.Renew();
        PipeColdState cold = GetOrCreateColdState();
        if (cancellationToken.CanBeCanceled)
        {
            cold.RegisterToken(this, cancellationToken);
        }

        return new ValueTask<FlushResult>(this, 0);
    }

    private static ValueTask<FlushResult> EndedLaterAsync()
    {
        CooperativeBudget.Renew();
        return new ValueTask<FlushResult>(Task.Factory.StartNew(
            static () => new FlushResult(isCanceled: false, isCompleted: true),
            CancellationToken.None,
            TaskCreationOptions.PreferFairness,
            TaskScheduler.Default));
    }

    private FlushResult TakeResult()
    {
        bool cancelled = Volatile.Read(ref _cold) is { } cold && cold.FlushAwaitable.TakeCancellation();
        bool ended = IsConsumerCompleted;
        if (ended)
        {
            _cold?.EndError?.Throw();
        }

        return new FlushResult(cancelled, ended);
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            PipeErrors.ThrowWritingAfterCompleted();
        }
    }

    private PipeColdState GetOrCreateColdState() => PipeColdState.GetOrCreate(ref _cold);

    /// <summary>
    /// Without cold state no flush waits: one that is about to makes it and looks at the condition later.
    /// </summary>
    private void CompleteWait(Origin origin)
        => Volatile.Read(ref _cold)?.FlushAwaitable.Complete(this, _io, _io.Decide(origin));
}
