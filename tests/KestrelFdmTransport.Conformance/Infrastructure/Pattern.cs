using System;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>
/// An endless sequence in which every eight bytes differ: nothing gets lost, doubled or swapped unseen.
/// </summary>
internal static class Pattern
{
    private const ulong Step = 0x9E3779B97F4A7C15;
    private const int ChunkSize = 64 * 1024;

    /// <summary>
    /// Writes the bytes from <paramref name="offset"/> on, which is a multiple of eight, as the length is.
    /// </summary>
    public static void Fill(Span<byte> destination, long offset)
    {
        ulong value = (ulong)(offset / sizeof(ulong)) * Step;
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(destination))
        {
            value += Step;
            word = value;
        }
    }

    public static byte[] Create(int length)
    {
        byte[] bytes = new byte[length];
        Fill(bytes, 0);
        return bytes;
    }

    /// <summary>The SHA-256 of the first <paramref name="length"/> bytes.</summary>
    public static string Hash(long length)
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
}
