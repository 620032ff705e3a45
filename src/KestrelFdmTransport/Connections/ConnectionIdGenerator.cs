using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>Connection ids in Kestrel's form: thirteen characters of base 32, ascending.</summary>
internal static class ConnectionIdGenerator
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    private const int Length = 13;

    /// <summary>
    /// Kestrel counts up from the time as well, for HTTP/3 and named pipes in the same process. Starting this much
    /// earlier keeps our ids apart for fifty days of a hundred thousand connections a second.
    /// </summary>
    private static readonly TimeSpan s_beforeKestrels = TimeSpan.FromHours(12);

    // Seeded with the time, so that the ids of one process start do not recur in the next.
    private static long s_last = (DateTime.UtcNow - s_beforeKestrels).Ticks;

    internal static string Next()
        => string.Create(Length, Interlocked.Increment(ref s_last), static (characters, value) =>
    {
        for (int i = Length - 1; i >= 0; i--)
        {
            characters[i] = Alphabet[(int)(value & 31)];
            value >>>= 5;
        }
    });
}
