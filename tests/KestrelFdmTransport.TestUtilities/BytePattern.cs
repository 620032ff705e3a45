using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>
/// An endless sequence in which every eight bytes differ, also from those of other streams. So no byte can get lost,
/// doubled, swapped or mixed up unseen, and any piece can be checked where it stands.
/// </summary>
public sealed class BytePattern(int stream = 0)
{
    private const int WordSize = sizeof(ulong);
    private const ulong Step = 0x9E3779B97F4A7C15;
    private const int ChunkSize = 64 * 1024;
    private const int CheckedAtOnce = 1024;

    private readonly ulong _start = (ulong)stream << 32;

    public static BytePattern Default { get; } = new();

    /// <summary>Writes the bytes from <paramref name="position"/> on.</summary>
    public void Fill(Span<byte> destination, long position)
    {
        (long word, long skipped) = Math.DivRem(position, WordSize);
        if (skipped > 0)
        {
            Span<byte> first = stackalloc byte[WordSize];
            WriteWord(first, word++);
            ReadOnlySpan<byte> rest = first[(int)skipped..];
            rest = rest[..Math.Min(rest.Length, destination.Length)];
            rest.CopyTo(destination);
            destination = destination[rest.Length..];
        }

        ulong value = ValueBefore(word);
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(destination);
        foreach (ref ulong next in words)
        {
            value += Step;
            next = value;
        }

        destination = destination[(words.Length * WordSize)..];
        if (destination.Length > 0)
        {
            Span<byte> last = stackalloc byte[WordSize];
            WriteWord(last, word + words.Length);
            last[..destination.Length].CopyTo(destination);
        }
    }

    public byte[] Create(int length, long position = 0)
    {
        byte[] bytes = new byte[length];
        Fill(bytes, position);
        return bytes;
    }

    /// <summary>The SHA-256 of the first <paramref name="length"/> bytes.</summary>
    public string Hash(long length)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] chunk = new byte[ChunkSize];
        for (long offset = 0; offset < length; offset += chunk.Length)
        {
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, length - offset));
            Fill(part, offset);
            hash.AppendData(part);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    public bool Matches(ReadOnlySpan<byte> bytes, long position) => FindDamage(bytes, position) is null;

    public bool Matches(in ReadOnlySequence<byte> buffer, long position) => FindDamage(buffer, position) is null;

    /// <summary>Describes the first byte that does not belong where it is, or null.</summary>
    public string? FindDamage(in ReadOnlySequence<byte> buffer, long position)
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
    public string? FindDamage(ReadOnlySpan<byte> bytes, long position)
    {
        Span<byte> expected = stackalloc byte[CheckedAtOnce];
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, expected.Length)];
            Fill(expected[..piece.Length], position);
            int same = piece.CommonPrefixLength(expected);
            if (same < piece.Length)
            {
                return $"the byte at stream position {position + same} is wrong";
            }

            bytes = bytes[piece.Length..];
            position += piece.Length;
        }

        return null;
    }

    private ulong ValueBefore(long word) => (_start + (ulong)word) * Step;

    private void WriteWord(Span<byte> destination, long word)
        => BinaryPrimitives.WriteUInt64LittleEndian(destination, ValueBefore(word) + Step);
}
