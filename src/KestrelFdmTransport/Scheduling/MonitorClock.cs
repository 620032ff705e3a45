using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Tells the monitor which part of the time since its last look counts as the callbacks' own.</summary>
/// <remarks>
/// What does not count: collections, for which the runtime stops every thread, and a look that comes late, because what
/// kept the monitor from running, a stopped process or a container out of its quota, kept the callbacks from running
/// too. If look after look is late, it is the timer that is coarse, and the time that was planned counts.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal struct MonitorClock
{
    /// <summary>So much too late is late.</summary>
    private static readonly long s_late = Stopwatch.Frequency * 3 / 1000;

    private long _last;
    private TimeSpan _paused;
    private bool _wasLate;

    /// <summary>The monitor begins to look, or goes on after a rest.</summary>
    internal void Restart(long now, TimeSpan paused)
    {
        _last = now;
        _paused = paused;
    }

    /// <summary>A look: how much of the time since the one before counts, in ticks.</summary>
    /// <param name="now">The time.</param>
    /// <param name="planned">How long the monitor meant to sleep.</param>
    /// <param name="paused">For how long the process has been stopped for collections so far.</param>
    internal long Look(long now, long planned, TimeSpan paused)
    {
        long passed = Math.Max(0, now - _last - StopwatchTime.Ticks(paused - _paused));
        bool late = passed >= planned + s_late;
        long counts = !late ? passed : _wasLate ? planned : 0;
        _last = now;
        _paused = paused;
        _wasLate = late;
        return counts;
    }
}
