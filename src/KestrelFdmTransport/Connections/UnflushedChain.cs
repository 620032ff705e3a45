using System.Runtime.InteropServices;
using KestrelFdmTransport.Buffers;

namespace KestrelFdmTransport.Connections;

/// <summary>What the application has written and not flushed yet. Belongs to the producer.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct UnflushedChain
{
    private BufferSegment? _head;
    private BufferSegment? _tail;

    /// <summary>In bytes.</summary>
    internal long Length { get; private set; }

    /// <summary>The block that the next bytes go to.</summary>
    internal readonly BufferSegment? Tail => _tail;

    internal void Advance(BufferSegment tail, int bytes)
    {
        tail.End += bytes;
        Length += bytes;
    }

    internal void Append(BufferSegment segment)
    {
        if (_tail is { } tail)
        {
            tail.Link(segment);
        }
        else
        {
            _head = segment;
        }

        _tail = segment;
    }

    /// <summary>Takes all of it; null if no block was asked for since.</summary>
    internal BufferSegment? Take(out BufferSegment? tail, out long length)
    {
        BufferSegment? head = _head;
        tail = _tail;
        length = Length;
        _head = _tail = null;
        Length = 0;
        return head;
    }
}
