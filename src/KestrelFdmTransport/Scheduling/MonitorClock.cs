using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Computes which part of the time since the monitor's last sample counts as the callbacks' own.</summary>
/// <remarks>
/// Two things do not count. One is a collection, for which the runtime stops every thread. The other is a late sample:
/// a stopped process or an exhausted CPU quota delays the callbacks as well as the monitor. If every sample is late,
/// the timer is coarse, and the planned time counts.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal struct MonitorClock
{
    /// <summary>
    /// How long the monitor sleeps between two samples. With 2 ms, one connection has 0.96 of the requests/s.
    /// </summary>
    internal static readonly TimeSpan Period = TimeSpan.FromMilliseconds(4);

    /// <summary>The same after a sample that has seen a callback which may hold its loop for long.</summary>
    internal static readonly TimeSpan ShortPeriod = TimeSpan.FromMilliseconds(1);

    /// <summary>A sample that is this late does not count.</summary>
    private static readonly long s_late = Stopwatch.Frequency * 3 / 1000;

    private long _last;
    private TimeSpan _paused;
    private bool _wasLate;

    /// <summary>The monitor begins to sample, or continues after a pause.</summary>
    internal void Restart(long now, TimeSpan paused)
    {
        _last = now;
        _paused = paused;
    }

    /// <summary>Takes a sample: how much of the time since the previous one counts, in ticks.</summary>
    /// <param name="slept">How long the monitor meant to sleep.</param>
    /// <param name="paused">The total time for which collections have stopped the process.</param>
    internal long Look(long now, TimeSpan slept, TimeSpan paused)
    {
        long planned = StopwatchTime.Ticks(slept);
        long passed = Math.Max(0, now - _last - StopwatchTime.Ticks(paused - _paused));
        bool late = passed >= planned + s_late;
        long counts = !late ? passed : _wasLate ? planned : 0;
        _last = now;
        _paused = paused;
        _wasLate = late;
        return counts;
    }
}
