using System;
using System.Buffers;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Buffers;

/// <summary>A link of a buffer chain: one block and its filled length.</summary>
/// <remarks>
/// In the input chain, producer and consumer work at the same time without a lock. <see cref="End"/> and the link
/// belong to the producer, which sets both before it publishes the bytes.
/// <see cref="ReadOnlySequenceSegment{T}.Memory"/> belongs to the consumer. The block of the last link belongs to the
/// side that holds its lease.
/// </remarks>
internal sealed class BufferSegment : ReadOnlySequenceSegment<byte>
{
    private const int Unleased = 0;
    private const int Leased = 1;
    private const int Released = 2;

    // Of the block; of a spare segment, the next spare one.
    private object? _owner;

    // In input chains the lease; in output chains the start of the unsent part.
    private int _leaseOrStart;

    /// <summary>The whole block; empty once it has been given back.</summary>
    internal Memory<byte> Block { get; private set; }

    /// <summary>Bytes filled.</summary>
    internal int End { get; set; }

    internal int Free => Block.Length - End;

    /// <summary>The free part of the block; empty once the block has been returned. Producer only.</summary>
    internal Memory<byte> Room
    {
        get
        {
            // Each field is read once: another thread may return the block meanwhile.
            Memory<byte> block = Block;
            int end = End;
            return end < block.Length ? block[end..] : default;
        }
    }

    internal BufferSegment? NextSegment => (BufferSegment?)Next;

    /// <summary>The end of the chain. Only for the owner of the whole chain.</summary>
    internal BufferSegment Last
    {
        get
        {
            BufferSegment last = this;
            while (last.NextSegment is { } next)
            {
                last = next;
            }

            return last;
        }
    }

    /// <summary>
    /// The start of the filled part that has not been taken. Output chains only; belongs to the sender.
    /// </summary>
    internal int Start
    {
        get => _leaseOrStart;
        set => _leaseOrStart = value;
    }

    /// <summary>
    /// Link of <see cref="SpareSegments"/>. Not <see cref="ReadOnlySequenceSegment{T}.Next"/>: a thread that still
    /// walks a chain that this segment was in must not walk on into spare ones.
    /// </summary>
    internal BufferSegment? NextSpare => _owner as BufferSegment;

    /// <summary>This one and the spare ones behind it.</summary>
    internal int SpareCount => End;

    internal bool IsReleased => Volatile.Read(ref _leaseOrStart) == Released;

    internal void SetOwner(object owner, Memory<byte> block)
    {
        _owner = owner;
        Block = block;
        Memory = block;
    }

    /// <summary>
    /// Copies the filled part of another segment behind the own one, which has room for it. False if the pool's memory
    /// throws when it is looked at.
    /// </summary>
    internal bool TryCopy(BufferSegment from)
    {
        try
        {
            from.Block.Span[..from.End].CopyTo(Block.Span[End..]);
        }
        catch (Exception)
        {
            return false;
        }

        End += from.End;
        return true;
    }

    /// <summary>Gives up the block; the caller returns its owner to where it came from.</summary>
    internal object? TakeOwner()
    {
        // Atomic: only one of two threads gets the owner. The link of a spare segment is for neither.
        object? owner = Volatile.Read(ref _owner);
        if (owner is null or BufferSegment || Interlocked.CompareExchange(ref _owner, null, owner) != owner)
        {
            return null;
        }

        Block = default;
        Memory = default;
        return owner;
    }

    /// <summary>Makes the object ready for another use.</summary>
    internal void Recycle()
    {
        Debug.Assert(_owner is null, "A segment is recycled with its block.");
        Next = null;
        RunningIndex = 0;
        End = 0;
        _leaseOrStart = Unleased;
    }

    /// <summary>Puts a recycled segment before the spare ones.</summary>
    internal void JoinSpares(BufferSegment? next)
    {
        _owner = next;
        End = (next?.SpareCount ?? 0) + 1;
    }

    /// <summary>Ends what <see cref="JoinSpares"/> began.</summary>
    internal void LeaveSpares()
    {
        _owner = null;
        End = 0;
    }

    /// <summary>Links <paramref name="next"/> behind this segment. Producer only.</summary>
    internal void Append(BufferSegment next)
    {
        next.RunningIndex = RunningIndex + End;

        // A reference written to the heap is published after what was written before it (.NET memory model).
        Next = next;
    }

    /// <summary>
    /// Links without positions, in output chains. Called by the owner of both ends, producer or sender.
    /// </summary>
    internal void Link(BufferSegment? next) => Next = next;

    /// <summary>Fixes the length that sequences see once the segment has a successor. Consumer only.</summary>
    internal void Seal(int length) => Memory = Block[..length];

    /// <summary>
    /// Producer: may it write behind <see cref="End"/>? Not once the consumer has given the block back.
    /// </summary>
    internal bool TryLease() => Interlocked.CompareExchange(ref _leaseOrStart, Leased, Unleased) == Unleased;

    /// <summary>A full fence: the producer then checks whether the consumer has passed it meanwhile.</summary>
    internal void ReleaseLease() => Interlocked.Exchange(ref _leaseOrStart, Unleased);

    /// <summary>Consumer: claims the block for giving it back, unless the producer writes into it.</summary>
    internal bool TryClaim() => Interlocked.CompareExchange(ref _leaseOrStart, Released, Unleased) == Unleased;

    /// <summary>Releases a claim: the block holds bytes after all.</summary>
    internal void ReleaseClaim() => Volatile.Write(ref _leaseOrStart, Unleased);
}
