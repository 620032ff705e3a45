using System;
using System.Buffers;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// The byte that belongs at each position of a stream, so that any buffer can be checked where it stands.
/// </summary>
internal static class BytePattern
{
    // A prime, so that no multiple of a block size brings the same bytes again.
    private const int Period = 65_521;

    private static readonly byte[] s_bytes = Create();

    /// <summary>At most <see cref="Period"/> bytes.</summary>
    public static ReadOnlyMemory<byte> At(long position, int length)
        => s_bytes.AsMemory((int)(position % Period), length);

    /// <summary>Describes the first byte that does not belong where it is, or null.</summary>
    public static string? FindDamage(in ReadOnlySequence<byte> buffer, long position)
    {
        foreach (ReadOnlyMemory<byte> memory in buffer)
        {
            if (FindDamage(memory.Span, position) is { } damage)
            {
                return damage;
            }

            position += memory.Length;
        }

        return null;
    }

    /// <inheritdoc cref="FindDamage(in ReadOnlySequence{byte}, long)"/>
    public static string? FindDamage(ReadOnlySpan<byte> bytes, long position)
    {
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, Period)];
            int same = piece.CommonPrefixLength(At(position, piece.Length).Span);
            if (same < piece.Length)
            {
                return $"the byte at stream position {position + same} is wrong";
            }

            bytes = bytes[piece.Length..];
            position += piece.Length;
        }

        return null;
    }

    private static byte[] Create()
    {
        byte[] bytes = new byte[2 * Period];
        new Random(Period).NextBytes(bytes.AsSpan(0, Period));
        bytes.AsSpan(0, Period).CopyTo(bytes.AsSpan(Period));
        return bytes;
    }
}
