using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>The sender's end of the output. Members belong to the holder of the send gate, save where they say
/// otherwise.</content>
internal sealed partial class FdmPipeWriter
{
    /// <summary>Blocks per system call: 256 KiB, more than a socket's send buffer usually takes at once.</summary>
    private const int MaxVectors = 64;

    private BufferSegment? _unsentHead;
    private BufferSegment? _unsentTail;
    private BufferSegment? _sentSegments;
    private long _sent;
    private bool _consumerCompleted;
    private bool _consumerCompletedOnce;

    /// <summary>
    /// Bytes flushed and not taken by the kernel. What is dropped is never sent, so that a flush which waits goes on
    /// waiting until <see cref="CompleteConsumer"/>, and further ones are held as before. Any thread.
    /// </summary>
    internal long Unsent => Volatile.Read(ref _committed) - Volatile.Read(ref _sent);

    /// <summary>Bytes that the kernel has taken. Any thread.</summary>
    internal long Sent => Volatile.Read(ref _sent);

    /// <summary>True once the application has completed the writer. Any thread.</summary>
    internal bool IsCompleted => Volatile.Read(ref _completed);

    /// <summary>
    /// True as soon as the application completes the writer, even if a producer is inside. Any thread.
    /// </summary>
    internal bool IsCompleteCalled => Volatile.Read(ref _completeCalled);

    /// <summary>
    /// False once no flush can wait: the application has completed the writer, and everything has left. Any thread.
    /// </summary>
    internal bool MayWait => !IsCompleted || !IsDrained;

    internal Exception? CompletionError => Volatile.Read(ref _cold)?.CompletionError?.SourceException;

    /// <summary>True if everything flushed has left. Any thread.</summary>
    internal bool IsDrained => Unsent <= 0;

    /// <summary>Takes what has been flushed since; true if there is anything to send.</summary>
    internal bool TakeFlushed()
    {
        if (Volatile.Read(ref _flushed) is not null && Interlocked.Exchange(ref _flushed, null) is { } chain)
        {
            if (_unsentTail is null)
            {
                _unsentHead = chain;
            }
            else
            {
                _unsentTail.Link(chain);
            }

            _unsentTail = chain.Last;
        }

        return _unsentHead is not null;
    }

    /// <summary>One system call. Returns its result; the bytes sent are accounted for.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="share">Bytes to send at most; more than none.</param>
    internal unsafe int Transmit(int descriptor, long share)
    {
        BufferSegment head = _unsentHead!;
        int result = head.NextSegment is null
            ? Sys.Send(descriptor, head.Block.Span.Slice(head.Start, (int)Math.Min(head.End - head.Start, share)))
            : TransmitMany(descriptor, head, share);
        if (result > 0)
        {
            Volatile.Write(ref _sent, _sent + AdvanceUnsent(result));
        }

        return result;
    }

    /// <summary>Drops what is unsent: nothing more will leave.</summary>
    internal void DiscardUnsent() => AdvanceUnsent(long.MaxValue);

    /// <summary>
    /// Returns the blocks that have left. The caller has left the gate; a pin keeps the connection from ending.
    /// </summary>
    internal void ReturnSent(BufferSegment sent) => ReturnChain(sent);

    internal BufferSegment? TakeSent()
    {
        BufferSegment? sent = _sentSegments;
        _sentSegments = null;
        return sent;
    }

    /// <summary>Puts back what <see cref="TakeSent"/> has just taken, until the gate is left.</summary>
    internal void KeepSent(BufferSegment sent) => _sentSegments = sent;

    /// <summary>
    /// Lets a paused flush go on if enough has left. Any thread, after a full fence that follows the sending.
    /// </summary>
    internal void ResumeFlush(Origin origin)
    {
        if (Volatile.Read(ref _paused) != 0
            && Unsent < _io.Settings.WriteResumeThreshold
            && Interlocked.CompareExchange(ref _paused, 0, 1) == 1)
        {
            CompleteWait(origin);
        }
    }

    /// <summary>
    /// Nothing more will be sent: flushes complete from now on, with the error if there is one. Any thread.
    /// </summary>
    internal void CompleteConsumer(Exception? error)
    {
        // Made before it is said that there is an end: there may be no memory for it.
        PipeColdState? cold = error is null ? null : GetOrCreateColdState();
        if (Interlocked.Exchange(ref _consumerCompletedOnce, true))
        {
            return;
        }

        cold?.EndError = ExceptionDispatchInfo.Capture(error!);

        Volatile.Write(ref _consumerCompleted, true);
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _cold)?.Callbacks?.Complete(error);
        CompleteWait(Origin.Foreign);
    }

    /// <summary>
    /// Returns what waits in the outbox: the gate is shut. Any thread; the exchange lets one through.
    /// </summary>
    internal void DropFlushed()
    {
        if (Interlocked.Exchange(ref _flushed, null) is { } chain)
        {
            ReturnChain(chain);
        }
    }

    /// <summary>Returns everything unsent. The closer, with the gate shut.</summary>
    internal void DropUnsent()
    {
        DropFlushed();
        if (_unsentHead is { } chain)
        {
            _unsentHead = _unsentTail = null;
            ReturnChain(chain);
        }
    }

    private unsafe int TransmitMany(int descriptor, BufferSegment head, long share)
    {
        IoVector* vectors = stackalloc IoVector[MaxVectors];
        var pins = default(PinnedBuffers);
        int count = 0;
        int result;
        try
        {
            for (BufferSegment? segment = head;
                segment is not null && count < MaxVectors && share > 0;
                segment = segment.NextSegment)
            {
                if (segment.End > segment.Start)
                {
                    int length = (int)Math.Min(segment.End - segment.Start, share);
                    vectors[count].Base = pins.Pin(count, segment.Block) + segment.Start;
                    vectors[count].Length = length;
                    share -= length;
                    count++;
                }
            }

            result = count == 0 ? 0 : Sys.Send(descriptor, vectors, count);
        }
        finally
        {
            // A pool's memory may throw at the one after these.
            pins.Unpin(count);
        }

        if (count == 0)
        {
            AdvanceUnsent(0);
        }

        return result;
    }

    /// <summary>Takes this many bytes off what is unsent; returns how many there were.</summary>
    private long AdvanceUnsent(long count)
    {
        BufferSegment? segment = _unsentHead;
        long advanced = 0;
        while (segment is not null)
        {
            int length = segment.End - segment.Start;
            if (length > count)
            {
                segment.Start += (int)count;
                advanced += count;
                break;
            }

            count -= length;
            advanced += length;
            BufferSegment? next = segment.NextSegment;
            segment.Link(_sentSegments);
            _sentSegments = segment;
            segment = next;
        }

        _unsentHead = segment;
        if (segment is null)
        {
            _unsentTail = null;
        }

        return advanced;
    }

    private void ReturnChain(BufferSegment head)
    {
        BufferSegment? segment = head;
        while (segment is not null)
        {
            BufferSegment? next = segment.NextSegment;
            Return(segment);
            segment = next;
        }
    }

    /// <summary>
    /// Gives the block back. The object is used again only if no caller can have come too late to it.
    /// </summary>
    /// <remarks>
    /// Complete says that it was called, by an exchange, before it hands over what the application has written. So what
    /// a producer may have in its hands while another thread completes the writer comes here after that, and is not
    /// used again.
    /// </remarks>
    private void Return(BufferSegment segment)
    {
        if (IsCompleteCalled)
        {
            _io.Buffers.ReturnBlock(_io.Loop, segment);
        }
        else
        {
            _io.Buffers.Return(_io.Loop, segment);
        }
    }
}
