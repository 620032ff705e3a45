using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>Lets one of many threads write a log line, and no more than one in each period.</summary>
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
