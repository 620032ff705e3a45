using System;
using System.Buffers;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>
/// A sequence of bytes of each connection's own: none gets lost, doubled, swapped or mixed with another's unseen.
/// </summary>
internal static class TaggedStream
{
    private const int Word = sizeof(ulong);

    /// <summary>Writes the bytes from the position on.</summary>
    internal static void Fill(Span<byte> destination, int tag, long position)
    {
        byte[] words = Rent(destination.Length, tag, position, out int lead);
        words.AsSpan(lead, destination.Length).CopyTo(destination);
        ArrayPool<byte>.Shared.Return(words);
    }

    /// <summary>True if these are the bytes from the position on.</summary>
    internal static bool IsAt(ReadOnlySpan<byte> bytes, int tag, long position)
    {
        byte[] words = Rent(bytes.Length, tag, position, out int lead);
        bool equal = bytes.SequenceEqual(words.AsSpan(lead, bytes.Length));
        ArrayPool<byte>.Shared.Return(words);
        return equal;
    }

    private static byte[] Rent(int length, int tag, long position, out int lead)
    {
        lead = (int)(position % Word);
        int filled = (lead + length + Word - 1) / Word * Word;
        byte[] words = ArrayPool<byte>.Shared.Rent(filled);
        BytePattern.Default.Fill(words.AsSpan(0, filled), ((long)tag << 32) + position - lead);
        return words;
    }
}
