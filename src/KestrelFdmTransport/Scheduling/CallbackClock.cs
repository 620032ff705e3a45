using System;
using System.Diagnostics;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Measures the time of a thread's callbacks, and on demand which part of it was the callback's own.</summary>
/// <remarks>Written by its own thread.</remarks>
[StructLayout(LayoutKind.Auto)]
internal struct CallbackClock
{
    private static readonly long s_millisecond = Stopwatch.Frequency / 1_000;

    /// <summary>
    /// A thread that allocates beside a collection waits for the collector's locks too, after the pause as well. It
    /// sleeps five milliseconds at a time for them, and such a wait shows nothing of the callback.
    /// </summary>
    private static readonly long s_collectorWait = 10 * s_millisecond;

    private long _startedAt;
    private bool _measures;
    private ThreadUsage _usage;
    private long _runDelay;
    private TimeSpan _paused;
    private TimeSpan _compiled;
    private int _collections;

    /// <summary>When the callback began. Any thread.</summary>
    internal long StartedAt => Volatile.Read(ref _startedAt);

    /// <summary>When the last callback ended.</summary>
    internal long EndedAt { get; set; }

    internal void Start() => _startedAt = Stopwatch.GetTimestamp();

    /// <summary>The callback is to be measured exactly: takes down what is known of the thread before it.</summary>
    internal void BeginMeasuring()
    {
        _measures = true;

        // First: a collection that is under way holds this thread when it returns from one of the calls below.
        _paused = GC.GetTotalPauseDuration();
        _collections = GC.CollectionCount(0);
        _usage = Sys.GetThreadUsage();
        _compiled = JitInfo.GetCompilationTime(currentThread: false);
    }

    /// <summary>The time of the callback that has ended. Once for each callback.</summary>
    /// <param name="isPooled">True on a thread of the thread pool.</param>
    internal CallbackTime Take(bool isPooled)
    {
        long elapsed = EndedAt - _startedAt;
        if (!_measures)
        {
            return new CallbackTime(elapsed, elapsed, IsMeasured: false, HasWaited: null);
        }

        _measures = false;
        long own = Math.Max(0, elapsed - StopwatchTime.Ticks(GC.GetTotalPauseDuration() - _paused));
        bool? waited = own < s_millisecond && isPooled ? null : Measure(ref own);
        return new CallbackTime(elapsed, own, IsMeasured: true, waited);
    }

    /// <summary>
    /// Excludes waits for a CPU too, where that is cheap to learn. The part that is neither CPU time nor a wait for a
    /// CPU was blocking.
    /// </summary>
    /// <returns>True if the callback has blocked for most of its time; null if unknown.</returns>
    private bool? Measure(ref long own)
    {
        ThreadUsage usage = Sys.GetThreadUsage();
        long used = StopwatchTime.Ticks(usage.CpuTime - _usage.CpuTime);
        if (usage.Waits == _usage.Waits)
        {
            // That was cheap to learn, and what follows is not. What is not CPU time was a wait for a CPU.
            own = Math.Min(own, used);
            return own < s_millisecond ? null : false;
        }

        if (own < s_millisecond)
        {
            return null;
        }

        long delay = Sys.ThreadRunDelay();
        if (delay < 0)
        {
            return used >= own / 2 ? false : null;
        }

        // Counted since the last reading. More than the callback can have had belongs to the time before it; the next
        // reading is exact.
        long busy = Math.Min(used, own) + StopwatchTime.Ticks(delay - _runDelay);
        _runDelay = delay;

        // The compiler's time may be what the thread has waited for, if it was another thread's.
        long compiled = StopwatchTime.Ticks(JitInfo.GetCompilationTime(currentThread: false) - _compiled);
        return busy > own + (own / 8) ? null
            : busy >= own / 2 ? false
            : busy + compiled >= own / 2 ? null
            : own - busy < s_collectorWait && GC.CollectionCount(0) != _collections ? null
            : true;
    }
}
