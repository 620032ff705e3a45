using System;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What senders have taken out of the outbox and the kernel has not taken yet, and the blocks that have left and are to
/// be given back. Belongs to the holder of the send gate, and to the closer once the gate is shut.
/// </summary>
internal struct UnsentChain
{
    /// <summary>Blocks per system call: 256 KiB, more than a socket's send buffer usually takes at once.</summary>
    private const int MaxVectors = 64;

    private BufferSegment? _head;
    private BufferSegment? _tail;
    private BufferSegment? _sent;

    internal readonly bool IsEmpty => _head is null;

    internal void Append(BufferSegment chain)
    {
        if (_tail is null)
        {
            _head = chain;
        }
        else
        {
            _tail.Link(chain);
        }

        _tail = chain.Last;
    }

    /// <summary>One system call. Returns its result; <see cref="Advance"/> comes next if anything was sent.</summary>
    /// <param name="share">Bytes to send at most; more than none.</param>
    internal int Send(int descriptor, long share)
    {
        BufferSegment head = _head!;
        return head.NextSegment is null
            ? Sys.Send(descriptor, head.Block.Span.Slice(head.Start, (int)Math.Min(head.End - head.Start, share)))
            : SendMany(descriptor, head, share);
    }

    /// <summary>Takes this many bytes off; returns how many there were.</summary>
    internal long Advance(long count)
    {
        BufferSegment? segment = _head;
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
            segment.Link(_sent);
            _sent = segment;
            segment = next;
        }

        _head = segment;
        if (segment is null)
        {
            _tail = null;
        }

        return advanced;
    }

    /// <summary>Takes the blocks that have left.</summary>
    internal BufferSegment? TakeSent()
    {
        BufferSegment? sent = _sent;
        _sent = null;
        return sent;
    }

    /// <summary>Puts back what <see cref="TakeSent"/> has just taken.</summary>
    internal void KeepSent(BufferSegment? sent) => _sent = sent;

    /// <summary>Takes what is unsent.</summary>
    internal BufferSegment? TakeUnsent()
    {
        BufferSegment? unsent = _head;
        _head = _tail = null;
        return unsent;
    }

    private unsafe int SendMany(int descriptor, BufferSegment head, long share)
    {
        IoVector* vectors = stackalloc IoVector[MaxVectors];
        var pins = default(PinnedBuffers);
        int count = 0;
        int result;
        try
        {
            for (BufferSegment? segment = head; segment is not null
                && count < MaxVectors
                && share > 0; segment = segment.NextSegment)
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
            Advance(0);
        }

        return result;
    }
}
