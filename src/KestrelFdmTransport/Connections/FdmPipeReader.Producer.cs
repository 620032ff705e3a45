using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>The loop's end of the input. All members belong to the loop's owner, save where they say
/// otherwise.</content>
internal sealed partial class FdmPipeReader
{
    /// <summary>Kestrel's Sockets transport asks for half a block; with less room left a new block is taken.</summary>
    private const int MinFree = EndpointBuffers.BlockSize / 2;

    private BufferSegment? _receiveTail;
    private BufferSegment? _spare;
    private bool _tailLeased;

    private long _received;
    private int _paused;
    private bool _ended;
    private int _completionState;

    /// <summary>Bytes received so far. Any thread.</summary>
    internal long Received => Volatile.Read(ref _received);

    /// <summary>True once the application has completed the reader. Any thread.</summary>
    internal bool IsCompleted => Volatile.Read(ref _completed);

    /// <summary>What the application has completed the reader with.</summary>
    internal Exception? CompletionError => Volatile.Read(ref _cold)?.CompletionError?.SourceException;

    /// <summary>What the input has ended with. Any thread.</summary>
    internal Exception? EndError => Volatile.Read(ref _cold)?.EndError?.SourceException;

    internal bool HasEnded => Volatile.Read(ref _ended);

    internal bool IsPaused => Volatile.Read(ref _paused) != 0;

    /// <summary>
    /// True if bytes wait for the application: no read has returned them, or the one that did is over and has left
    /// them. Unless the application waits for more than there is. Any thread; as of about now.
    /// </summary>
    internal bool IsBehind
    {
        get
        {
            long received = Volatile.Read(ref _received);
            if (IsCompleted)
            {
                return false;
            }

            return Volatile.Read(ref _reading)
                ? received != Volatile.Read(ref _given)
                : received != Volatile.Read(ref _consumed) && (!_awaitable.IsWaiting || IsReady);
        }
    }

    /// <summary>True while the application waits for bytes and has consumed all there were.</summary>
    internal bool IsReadPending => _awaitable.IsWaiting && !IsPaused && Volatile.Read(ref _consumed) == _received;

    private bool IsWaitOver => _awaitable.IsWaiting && IsReady;

    /// <summary>
    /// Where the next bytes may go: behind unconsumed ones in the last block, else a block of their own.
    /// </summary>
    /// <returns>False if there is no block at hand.</returns>
    internal bool TryBeginReceive(out Span<byte> space)
    {
        // With everything consumed the last block is the consumer's to give back; a look spares the lease.
        if (_receiveTail is { } tail && Volatile.Read(ref _consumed) != _received && tail.TryLease())
        {
            if (tail.Free >= MinFree)
            {
                _tailLeased = true;
                space = tail.Block.Span[tail.End..];
                return true;
            }

            ReleaseLease(tail);
        }

        _spare ??= _io.Buffers.TryRent(_io.Loop);
        space = _spare is null ? default : _spare.Block.Span;
        return _spare is not null;
    }

    /// <summary>
    /// Ends what <see cref="TryBeginReceive"/> began; <paramref name="count"/> bytes are visible to the reader now.
    /// </summary>
    internal void EndReceive(int count)
    {
        if (_tailLeased)
        {
            _tailLeased = false;
            BufferSegment tail = _receiveTail!;
            if (count > 0)
            {
                tail.End += count;

                // Published before the lease ends: with the lease free, a consumer may give the block back.
                Interlocked.Add(ref _received, count);
            }

            ReleaseLease(tail);
            return;
        }

        if (count > 0)
        {
            BufferSegment fresh = _spare!;
            _spare = null;
            fresh.End = count;
            if (_receiveTail is null)
            {
                // The consumer's, but it does not look before there is something.
                _head = fresh;
            }
            else
            {
                _receiveTail.Append(fresh);
            }

            _receiveTail = fresh;

            // A full fence: from here on the bytes are visible, and the waiter is looked for afterwards.
            Interlocked.Add(ref _received, count);
        }
    }

    /// <summary>Gives back a block that was taken for a receive that brought nothing.</summary>
    internal void ReturnSpare()
    {
        if (_spare is { } fresh)
        {
            _spare = null;
            _io.Buffers.Return(_io.Loop, fresh);
        }
    }

    /// <summary>Completes a waiting read if it has what it asked for.</summary>
    internal void Notify()
    {
        if (IsWaitOver)
        {
            CompleteWait(Origin.Loop);
        }
    }

    /// <summary>
    /// As <see cref="Notify"/>, but false and nothing done if the continuation would run here, or may need a new
    /// thread, which the loop would wait for unwatched.
    /// </summary>
    internal bool TryQueueNotify()
    {
        if (!IsWaitOver)
        {
            return true;
        }

        Placement placement = _io.Decide();
        if (placement != Placement.Pool)
        {
            return false;
        }

        _awaitable.Complete(this, _io, placement);
        return true;
    }

    /// <summary>True if the application is so far behind that receiving has to wait for it.</summary>
    internal bool TryPause()
    {
        long threshold = _io.Settings.ReadPauseThreshold;
        if (threshold == 0 || !MustPause(threshold))
        {
            return false;
        }

        SyncPoints.Hit(SyncPoint.ReceivePauses, _io);
        Interlocked.Exchange(ref _paused, 1);
        if ((MustPause(_io.Settings.ReadResumeThreshold) && !Volatile.Read(ref _completed))
            || Interlocked.CompareExchange(ref _paused, 0, 1) != 1)
        {
            // Paused; or the consumer has resumed us already, and its command is on the way.
            return true;
        }

        return false;
    }

    /// <summary>No more bytes will come. The application sees what it has not consumed yet, and then the end.</summary>
    /// <remarks>
    /// Any thread. The continuation of a waiting read goes to the pool: the end of a connection is not the hot path.
    /// </remarks>
    internal void CompleteInput(Exception? error)
    {
        TryComplete(error);
        CompleteWait(Origin.Foreign);
    }

    /// <summary>The loop will not touch the chain again, and the input is over.</summary>
    /// <remarks>
    /// In this order: a read that was pending when the reader was completed must not look at blocks on their way back.
    /// </remarks>
    internal void CompleteProducer(Exception? error)
    {
        TryComplete(error);
        ReturnSpare();
        ReturnChain(InputCompletion.Producer);
        CompleteWait(Origin.Foreign);
    }

    /// <summary>The first to end the input says how.</summary>
    private void TryComplete(Exception? error)
    {
        // Made before it is said that there is an end: there may be no memory for it.
        PipeColdState? cold = error is null ? null : GetOrCreateColdState();
        if ((Interlocked.Or(ref _completionState, (int)InputCompletion.Decided) & (int)InputCompletion.Decided) != 0)
        {
            return;
        }

        cold?.EndError = ExceptionDispatchInfo.Capture(error!);

        Volatile.Write(ref _ended, true);
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _cold)?.Callbacks?.Complete(error);
    }

    private bool MustPause(long threshold)
    {
        long unexamined = _received - Volatile.Read(ref _examined);
        return unexamined >= threshold && unexamined >= Volatile.Read(ref _minimum);
    }

    /// <summary>Any thread.</summary>
    private void ResumeProducer()
    {
        if (Volatile.Read(ref _paused) != 0 && Interlocked.CompareExchange(ref _paused, 0, 1) == 1)
        {
            _io.ResumeReceiving();
        }
    }

    private void ReleaseLease(BufferSegment tail)
    {
        tail.ReleaseLease();
        if (Volatile.Read(ref _consumed) == _received)
        {
            // The consumer went past us while we held the lease and could not give the block back.
            ReleaseIfConsumed(tail);
        }
    }

    /// <summary>
    /// Gives back the last block if nothing in it is unconsumed. Either side; the claim lets one through.
    /// </summary>
    private void ReleaseIfConsumed(BufferSegment segment)
    {
        if (!segment.TryClaim())
        {
            return;
        }

        if (Volatile.Read(ref _received) == Volatile.Read(ref _consumed))
        {
            _io.Buffers.ReturnBlock(_io.Loop, segment);
        }
        else
        {
            segment.ReleaseClaim();
        }
    }

    /// <summary>The second of the two sides to be done returns what is left. Either side.</summary>
    private void ReturnChain(InputCompletion end)
    {
        const int Both = (int)(InputCompletion.Consumer | InputCompletion.Producer);
        int before = Interlocked.Or(ref _completionState, (int)end);
        if ((before & (int)end) != 0 || ((before | (int)end) & Both) != Both)
        {
            return;
        }

        BufferSegment? segment = _head;
        while (segment is not null)
        {
            BufferSegment? next = segment.NextSegment;
            _io.Buffers.ReturnBlock(_io.Loop, segment);
            segment = next;
        }

        _head = _tail = _receiveTail = null;
    }
}
