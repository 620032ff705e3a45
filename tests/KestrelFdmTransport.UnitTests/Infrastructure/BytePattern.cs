using System;
using System.Buffers;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>An endless stream of known bytes: every position of it can be written and checked on its own.</summary>
internal sealed class BytePattern
{
    /// <summary>
    /// A prime, so that no block boundary ever falls on the same place of the pattern twice in a row.
    /// </summary>
    private const int Period = 65_521;

    private readonly byte[] _bytes = new byte[2 * Period];

    public BytePattern(int seed)
    {
        new Random(seed).NextBytes(_bytes.AsSpan(0, Period));
        _bytes.AsSpan(0, Period).CopyTo(_bytes.AsSpan(Period));
    }

    public void Fill(Span<byte> target, long position)
    {
        while (target.Length > 0)
        {
            int count = Math.Min(target.Length, Period);
            Piece(position, count).CopyTo(target);
            target = target[count..];
            position += count;
        }
    }

    public bool Matches(ReadOnlySpan<byte> received, long position)
    {
        while (received.Length > 0)
        {
            int count = Math.Min(received.Length, Period);
            if (!received[..count].SequenceEqual(Piece(position, count)))
            {
                return false;
            }

            received = received[count..];
            position += count;
        }

        return true;
    }

    public bool Matches(in ReadOnlySequence<byte> received, long position)
    {
        foreach (ReadOnlyMemory<byte> piece in received)
        {
            if (!Matches(piece.Span, position))
            {
                return false;
            }

            position += piece.Length;
        }

        return true;
    }

    private ReadOnlySpan<byte> Piece(long position, int count) => _bytes.AsSpan((int)(position % Period), count);
}
