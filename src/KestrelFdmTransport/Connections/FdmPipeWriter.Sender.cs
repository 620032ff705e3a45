using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Connections;

/// <content>The sender's end of the output. Members belong to the holder of the send gate, save where they say otherwise.</content>
internal sealed partial class FdmPipeWriter
{
    /// <summary>Blocks per system call: 256 KiB, more than a socket's send buffer usually takes at once.</summary>
    private const int MaxVectors = 64;

    private BufferSegment? _unsentHead;
    private BufferSegment? _unsentTail;
    private BufferSegment? _sentSegments;
    private long _sent;
    private bool _ended;
    private int _endedOnce;

    /// <summary>Bytes flushed and not yet taken by the kernel. Any thread.</summary>
    internal long Unsent => Volatile.Read(ref _committed) - Volatile.Read(ref _sent);

    /// <summary>Bytes that the kernel has taken. Any thread.</summary>
    internal long Sent => Volatile.Read(ref _sent);

    /// <summary>True once the application has completed the writer. Any thread.</summary>
    internal bool IsCompleted => Volatile.Read(ref _completed);

    internal Exception? CompletionError => Volatile.Read(ref _rare)?.CompletionError?.SourceException;

    /// <summary>True if everything flushed has left. Any thread.</summary>
    internal bool IsDrained => Unsent <= 0;

    /// <summary>Takes what has been flushed since; true if there is anything to send.</summary>
    internal bool Collect()
    {
        if (Volatile.Read(ref _outbox) is not null && Interlocked.Exchange(ref _outbox, null) is { } chain)
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
    internal unsafe int Transmit(int descriptor)
    {
        BufferSegment head = _unsentHead!;
        int result = head.Following is null
            ? Sys.Send(descriptor, head.Block.Span[head.Start..head.End])
            : TransmitMany(descriptor, head);
        if (result > 0)
        {
            AdvanceSent(result);
        }

        return result;
    }

    /// <summary>Drops what is unsent: nothing more will leave.</summary>
    internal void SkipUnsent() => AdvanceSent(long.MaxValue);

    /// <summary>Returns the blocks that have left. The caller has left the gate; a pin keeps the connection from ending.</summary>
    internal void ReturnSent(BufferSegment sent) => ReturnChain(sent);

    internal BufferSegment? TakeSent()
    {
        BufferSegment? sent = _sentSegments;
        _sentSegments = null;
        return sent;
    }

    /// <summary>Puts blocks that have left back until the gate is left.</summary>
    internal void KeepSent(BufferSegment sent)
    {
        sent.Last.Link(_sentSegments);
        _sentSegments = sent;
    }

    /// <summary>Lets a paused flush go on if enough has left. Any thread, after a full fence that follows the sending.</summary>
    internal void ResumeFlush(Origin origin)
    {
        if (Volatile.Read(ref _paused) != 0
            && Unsent < _io.Settings.WriteResumeThreshold
            && Interlocked.CompareExchange(ref _paused, 0, 1) == 1)
        {
            CompleteWaiter(origin);
        }
    }

    /// <summary>Nothing more will be sent: flushes complete from now on, with the error if there is one. Any thread.</summary>
    internal void End(Exception? error)
    {
        if (Interlocked.Exchange(ref _endedOnce, 1) != 0)
        {
            return;
        }

        if (error is not null)
        {
            Rare().EndError = ExceptionDispatchInfo.Capture(error);
        }

        Volatile.Write(ref _ended, true);
        Interlocked.MemoryBarrier();
        CompleteWaiter(Origin.Foreign);
    }

    /// <summary>Returns what waits in the outbox: the gate is shut. Any thread; the exchange lets one through.</summary>
    internal void DropOutbox()
    {
        if (Interlocked.Exchange(ref _outbox, null) is { } chain)
        {
            ReturnChain(chain);
        }
    }

    /// <summary>Returns everything unsent. The closer, with the gate shut.</summary>
    internal void DropUnsent()
    {
        DropOutbox();
        if (_unsentHead is { } chain)
        {
            _unsentHead = _unsentTail = null;
            ReturnChain(chain);
        }
    }

    private unsafe int TransmitMany(int descriptor, BufferSegment head)
    {
        IoVector* vectors = stackalloc IoVector[MaxVectors];
        var pins = default(PinnedBlocks);
        int count = 0;
        for (BufferSegment? segment = head; segment is not null && count < MaxVectors; segment = segment.Following)
        {
            if (segment.End > segment.Start)
            {
                vectors[count].Base = pins.Pin(count, segment.Block) + segment.Start;
                vectors[count].Length = segment.End - segment.Start;
                count++;
            }
        }

        int result = count == 0 ? 0 : Sys.Send(descriptor, vectors, count);
        pins.Unpin(count);
        if (count == 0)
        {
            AdvanceSent(0);
        }

        return result;
    }

    private void AdvanceSent(long count)
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
            BufferSegment? next = segment.Following;
            segment.Link(_sentSegments);
            _sentSegments = segment;
            segment = next;
        }

        _unsentHead = segment;
        if (segment is null)
        {
            _unsentTail = null;
        }

        Volatile.Write(ref _sent, _sent + advanced);
    }

    private void ReturnChain(BufferSegment head)
    {
        BufferSegment? segment = head;
        while (segment is not null)
        {
            BufferSegment? next = segment.Following;
            _io.Blocks.Return(segment);
            segment = next;
        }
    }
}
