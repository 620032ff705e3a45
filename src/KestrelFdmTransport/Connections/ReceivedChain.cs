using System;
using System.Buffers;
using System.Threading;
using KestrelFdmTransport.Buffers;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The received bytes of a connection: a chain of blocks that the loop appends to while the application consumes it,
/// without a lock. A part of <see cref="FdmPipeReader"/>, in a field of its own.
/// </summary>
/// <remarks>
/// docs/design/input.md lists which side touches what, and the order of reads and writes that makes it safe.
/// </remarks>
internal struct ReceivedChain
{
    /// <summary>Kestrel's Sockets transport asks for half a block; with less room left a new block is taken.</summary>
    private const int MinFree = EndpointBuffers.BlockSize / 2;

    // The application's.
    private BufferSegment? _head;
    private BufferSegment? _tail;

    // The loop's.
    private BufferSegment? _receiveTail;
    private BufferSegment? _spare;
    private bool _tailLeased;

    // Both sides'.
    private long _received;
    private long _consumed;
    private int _doneSides;
    private bool _completed;

    /// <summary>Bytes received so far.</summary>
    internal long Received => Volatile.Read(ref _received);

    /// <summary>Bytes consumed so far.</summary>
    internal long Consumed => Volatile.Read(ref _consumed);

    /// <summary>True once the application has completed its reader.</summary>
    internal bool IsCompleted => Volatile.Read(ref _completed);

    /// <summary>
    /// The loop's: where the next bytes may go, behind unconsumed ones in the last block or in a block of their own.
    /// </summary>
    /// <returns>False if there is no block at hand.</returns>
    internal bool TryBeginReceive(PipeHost host, out Span<byte> space)
    {
        host.AssertOwner();

        // With everything consumed the last block is the consumer's to give back; a look spares the lease.
        if (_receiveTail is { } tail && Consumed != _received && tail.TryLease())
        {
            if (tail.Free >= MinFree)
            {
                _tailLeased = true;
                space = tail.Block.Span[tail.End..];
                return true;
            }

            ReleaseLease(host, tail);
        }

        _spare ??= host.Buffers.TryRent(host.Loop);
        space = _spare is null ? default : _spare.Block.Span;
        return _spare is not null;
    }

    /// <summary>
    /// The loop's: ends what <see cref="TryBeginReceive"/> began; <paramref name="count"/> bytes are visible to the
    /// reader now.
    /// </summary>
    internal void EndReceive(PipeHost host, int count)
    {
        host.AssertOwner();
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

            ReleaseLease(host, tail);
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

    /// <summary>The loop's: gives back a block that was taken for a receive that brought nothing.</summary>
    internal void ReturnSpare(PipeHost host)
    {
        if (_spare is { } fresh)
        {
            _spare = null;
            host.Buffers.Return(host.Loop, fresh);
        }
    }

    /// <summary>The application's: what is not consumed of the first <paramref name="received"/> bytes.</summary>
    internal ReadOnlySequence<byte> GetUnconsumed(PipeHost host, long received)
    {
        if (received == _consumed || _head is not { } first)
        {
            // Nothing there; or both ends are done and the blocks are gone, which only a read pending since before can
            // see.
            return default;
        }

        BufferSegment head = DropConsumed(host, first, received);
        BufferSegment tail = _tail ?? head;
        try
        {
            while (tail.NextSegment is { } next && next.RunningIndex < received)
            {
                tail.Seal((int)(next.RunningIndex - tail.RunningIndex));
                tail = next;
            }

            _tail = tail;
            int start = (int)(_consumed - head.RunningIndex);
            return new ReadOnlySequence<byte>(head, start, tail, (int)(received - tail.RunningIndex));
        }
        catch (ArgumentOutOfRangeException) when (IsCompleted)
        {
            // Completed on another thread meanwhile, and the blocks are gone.
            return default;
        }
    }

    /// <summary>The application's: gives back the blocks before this position.</summary>
    internal void Consume(PipeHost host, long consumedTo)
    {
        // Before the claim below: a producer whose lease makes the claim fail looks at this when its lease ends.
        Volatile.Write(ref _consumed, consumedTo);
        long received = Received;
        if (_head is not { } first)
        {
            // Completed on another thread meanwhile, and the blocks are gone.
            return;
        }

        BufferSegment head = DropConsumed(host, first, received);
        if (received == consumedTo && !head.IsReleased)
        {
            ReleaseIfConsumed(host, head);
        }
    }

    /// <summary>The application's: it will read no more. A full fence.</summary>
    internal void Complete()
    {
        Volatile.Write(ref _completed, true);
        Interlocked.MemoryBarrier();
    }

    /// <summary>A side is done with the chain. The second of the two returns what is left.</summary>
    internal void Leave(PipeHost host, InputSide side)
    {
        const int Both = (int)(InputSide.Consumer | InputSide.Producer);
        int before = Interlocked.Or(ref _doneSides, (int)side);
        if ((before & (int)side) != 0 || ((before | (int)side) & Both) != Both)
        {
            return;
        }

        BufferSegment? segment = _head;
        while (segment is not null)
        {
            BufferSegment? next = segment.NextSegment;
            host.Buffers.ReturnBlock(host.Loop, segment);
            segment = next;
        }

        _head = _tail = _receiveTail = null;
    }

    /// <summary>
    /// Gives back every segment that lies wholly before what is consumed; the last one stays as the link for more.
    /// </summary>
    /// <remarks>
    /// Never steps onto a segment before the producer has published bytes in it: linked and empty to us, it would look
    /// consumed, and its block would be given back with the new bytes in it.
    /// </remarks>
    private BufferSegment DropConsumed(PipeHost host, BufferSegment head, long received)
    {
        while (head.NextSegment is { } next && next.RunningIndex <= _consumed && next.RunningIndex < received)
        {
            if (_tail == head)
            {
                _tail = null;
            }

            // Before it is given back: a thread that ends the chain meanwhile must not find it.
            BufferSegment consumed = head;
            _head = head = next;
            host.Buffers.ReturnBlock(host.Loop, consumed);

            // The reader may be completed on another thread meanwhile. Complete says so and then, after a full fence,
            // has the chain walked from our head; we have moved the head and look for that after one. So either the
            // walk begins behind the segment, or the object is not used again while another thread walks over it.
            Interlocked.MemoryBarrier();
            if (!IsCompleted)
            {
                host.Buffers.Keep(consumed);
            }
        }

        return head;
    }

    private void ReleaseLease(PipeHost host, BufferSegment tail)
    {
        tail.ReleaseLease();
        if (Consumed == _received)
        {
            // The consumer went past us while we held the lease and could not give the block back.
            ReleaseIfConsumed(host, tail);
        }
    }

    /// <summary>
    /// Gives back the last block if nothing in it is unconsumed. Either side; the claim lets one through.
    /// </summary>
    private void ReleaseIfConsumed(PipeHost host, BufferSegment segment)
    {
        if (!segment.TryClaim())
        {
            return;
        }

        if (Received == Consumed)
        {
            host.Buffers.ReturnBlock(host.Loop, segment);
        }
        else
        {
            segment.ReleaseClaim();
        }
    }
}
