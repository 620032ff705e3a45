using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Limits the part of a loop's time that callbacks may hold it. Held time fills the budget, and a small part of the
/// passing time drains it. While it is above the limit, callbacks are offloaded.
/// </summary>
/// <remarks>Written by the loop's owner.</remarks>
internal sealed class StallBudget
{
    /// <summary>One twentieth of the time.</summary>
    private const int Share = 20;

    private static readonly long s_limit = Stopwatch.Frequency / 50;
    private static readonly long s_max = Stopwatch.Frequency / 10;

    private long _lost;
    private long _at;
    private long _count;

    internal long Count => Volatile.Read(ref _count);

    internal void Add(long held, long now)
    {
        _lost = System.Math.Min(Left(now) + held, s_max);
        _at = now;
        Volatile.Write(ref _count, _count + 1);
    }

    internal bool IsSpent(long now) => _lost != 0 && Left(now) > s_limit;

    private long Left(long now) => System.Math.Max(0, _lost - ((now - _at) / Share));
}
