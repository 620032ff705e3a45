using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace HelloFdm;

internal static class Streams
{
    // A prime, so that a lost or doubled block of any usual size shows as a break in the pattern.
    private const int PatternLength = 251;
    private const int ChunkSize = 16 * 1024;

    private static readonly byte[] s_pattern = CreatePattern();

    /// <summary>Reads a body to its end without keeping it.</summary>
    public static async Task<long> CountAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        long count = 0;
        while (true)
        {
            ReadResult result = await reader.ReadAsync(cancellationToken);
            count += result.Buffer.Length;
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return count;
            }
        }
    }

    /// <summary>Writes <paramref name="count"/> bytes; the byte at position <c>n</c> is <c>n % 251</c>.</summary>
    public static async Task WritePatternAsync(PipeWriter writer, long count, CancellationToken cancellationToken)
    {
        for (long position = 0; position < count;)
        {
            int length = (int)Math.Min(ChunkSize, count - position);
            int phase = (int)(position % PatternLength);
            FlushResult result = await writer.WriteAsync(s_pattern.AsMemory(phase, length), cancellationToken);
            if (result.IsCompleted)
            {
                return; // The client has gone.
            }

            position += length;
        }
    }

    /// <summary>Counts upwards, one text per <paramref name="interval"/>.</summary>
    public static async IAsyncEnumerable<string> TickAsync(
        int count, TimeSpan interval, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (int i = 1; i <= count; i++)
        {
            if (i > 1)
            {
                await Task.Delay(interval, cancellationToken);
            }

            yield return i.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static byte[] CreatePattern()
    {
        byte[] pattern = new byte[ChunkSize + PatternLength];
        for (int i = 0; i < pattern.Length; i++)
        {
            pattern[i] = (byte)(i % PatternLength);
        }

        return pattern;
    }
}
