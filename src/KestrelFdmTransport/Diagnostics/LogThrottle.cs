using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Allows one log line in a period, among all threads.</summary>
internal sealed class LogThrottle(TimeSpan period)
{
    private readonly long _period = (long)(period.TotalSeconds * Stopwatch.Frequency);
    private long _next;

    internal bool TryBegin()
    {
        long now = Stopwatch.GetTimestamp();
        long next = Volatile.Read(ref _next);
        return now >= next && Interlocked.CompareExchange(ref _next, now + _period, next) == next;
    }
}
