using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Balancing;

/// <summary>
/// The utilization of a loop: the part of its time in which it had work, and the activity of its connections.
/// </summary>
/// <remarks>
/// The loop's owner measures it in windows of <see cref="Window"/>; any thread may read it. A loop that waits does not
/// measure, and an old value counts as zero. A loop that is held by a callback or a long iteration does not measure
/// either, and counts as fully used.
/// </remarks>
/// <param name="loop">The loop whose owner measures.</param>
/// <param name="now">The time at which the loop begins.</param>
internal sealed class LoopUtilization(IBalancedLoop loop, long now)
{
    internal const int Scale = 1000;

    /// <summary>
    /// Above this a loop is saturated, and its utilization no longer shows how much more time it needs.
    /// </summary>
    internal const int Saturated = 900;

    /// <summary>
    /// Windows a difference must last: half a second. Below saturation no connection suffers meanwhile, and for some
    /// tenths of a second utilizations differ by chance.
    /// </summary>
    private const int SustainedWindows = 10;

    /// <summary>
    /// Long enough to sample what the scheduler gives a thread, short enough to follow a shift of load.
    /// </summary>
    internal static readonly long Window = Stopwatch.Frequency / 20;

    /// <summary>
    /// After a migration: one window in which the connections migrate, and then both averages must show the effect.
    /// </summary>
    private static readonly long s_settling = 8 * Window;

    private static readonly long s_stale = 3 * Window;

    /// <summary>
    /// An iteration longer than this delays new work: a callback holds the loop, or many connections wait.
    /// </summary>
    private static readonly long s_stuckAfter = Stopwatch.Frequency / 100;

    private long _begin = now;
    private long _idle;
    private double _average;
    private double _ownAverage;
    private int _sustainedBefore;
    private long _measuredAt;
    private long _measuredBefore;
    private long _iterationBegan = now;
    private bool _waits;
    private int _utilization;
    private int _activity;
    private int _sustainedActivity;
    private int _establishedActivity;
    private int _windowsAhead;
    private readonly SlidingWindowCounter _recentAccepts = new();
    private long _closedUntil;

    /// <summary>Connections whose counter is hot. Owner only.</summary>
    internal int Hot { get; private set; }

    /// <summary>
    /// The lower of the last two averages, which decides about migration. Below saturation it excludes time without a
    /// CPU. Where load begins everywhere at once, a loop must not judge others that have not measured yet; one window
    /// later they have. Owner only.
    /// </summary>
    internal int SustainedUtilization { get; private set; }

    /// <summary>
    /// Thousandths of its time in which the loop had work: an average in which the last window counts a quarter. A loop
    /// that shares its CPU with other processes has it in one window and not in the next.
    /// </summary>
    internal int Utilization(long now) => !IsStale(now) ? Volatile.Read(ref _utilization) : IsStuck(now) ? Scale : 0;

    /// <summary>The sum of the live counters.</summary>
    internal int Activity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _activity);

    /// <summary>The sum of the live counters, without the part that any new connection has.</summary>
    internal int EstablishedActivity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _establishedActivity);

    /// <summary>The lower of the last two <see cref="EstablishedActivity"/>.</summary>
    internal int SustainedActivity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _sustainedActivity);

    /// <summary>
    /// The time as of which this loop may judge others by their measurements. It is in the past if this loop has
    /// measured late: a long iteration or a stopped process may have delayed the others too. Owner only, after
    /// <see cref="Measure"/>.
    /// </summary>
    internal long JudgesAsOf => _measuredBefore + Window;

    /// <summary>
    /// Connections accepted for this loop in the last one or two windows, whose activity does not show yet. Any thread.
    /// </summary>
    internal int RecentAccepts(long now) => _recentAccepts.Read(now / Window);

    /// <summary>Any thread.</summary>
    internal void OnAccepted(long now) => _recentAccepts.Add(now / Window);

    /// <summary>The loop has no work and begins to spin or sleep.</summary>
    internal void BeginWait()
    {
        AssertOwner();
        Volatile.Write(ref _waits, true);
    }

    /// <summary>The loop has polled, with or without waiting.</summary>
    internal void BeginIteration(long now)
    {
        AssertOwner();

        // In this order: a loop that is seen not to wait is seen to have begun its iteration just now.
        Volatile.Write(ref _iterationBegan, now);
        Volatile.Write(ref _waits, false);
    }

    /// <summary>True while the loop has no work. Any thread.</summary>
    internal bool Waits => Volatile.Read(ref _waits);

    /// <summary>
    /// True if the current iteration has lasted so long that the loop should get no new connection. Any thread.
    /// </summary>
    internal bool IsStuck(long now) => !Waits && now - Volatile.Read(ref _iterationBegan) > s_stuckAfter;

    /// <summary>The loop had no work, spinning or asleep.</summary>
    internal void AddIdleTime(long ticks)
    {
        AssertOwner();
        _idle += ticks;
    }

    internal bool IsDue(long now) => now - _begin >= Window;

    /// <summary>Ends a window.</summary>
    /// <param name="load">What the polling sets of the loop have measured.</param>
    /// <param name="cpuTime">The CPU time of the loop in this window, in clock ticks; negative if unknown.</param>
    internal void Measure(long now, (int Activity, int EstablishedActivity, int Hot) load, long cpuTime)
    {
        AssertOwner();
        long length = now - _begin;
        Hot = load.Hot;
        double part = (double)Math.Max(0, length - _idle) / length;

        // Below saturation, waiting for a CPU that others use says nothing about the loop's connections.
        double own = cpuTime >= 0 && Scale * part < Saturated ? Math.Min(part, (double)cpuTime / length) : part;
        bool stale = IsStale(now);
        _average = stale ? part : _average + ((part - _average) / 4);
        _ownAverage = stale ? own : _ownAverage + ((own - _ownAverage) / 4);
        int lasting = (int)(Scale * _ownAverage);
        SustainedUtilization = Math.Min(lasting, _sustainedBefore);
        _sustainedBefore = lasting;
        Volatile.Write(ref _sustainedActivity, Math.Min(load.EstablishedActivity, _establishedActivity));
        Volatile.Write(ref _establishedActivity, load.EstablishedActivity);
        Volatile.Write(ref _utilization, (int)(Scale * _average));
        Volatile.Write(ref _activity, load.Activity);
        _measuredBefore = _measuredAt;
        Volatile.Write(ref _measuredAt, now);
        _begin = now;
        _idle = 0;
    }

    /// <summary>
    /// Called once a window: has the loop been ahead of another for long enough? Then it must be ahead as long again. A
    /// saturated loop needs only one window.
    /// </summary>
    internal bool IsAhead(bool inThisWindow)
    {
        AssertOwner();
        if (!inThisWindow)
        {
            _windowsAhead = 0;
            return false;
        }

        _windowsAhead++;
        if (_windowsAhead < SustainedWindows && SustainedUtilization <= Saturated)
        {
            return false;
        }

        _windowsAhead = 0;
        return true;
    }

    /// <summary>False for a while after a migration to or from this loop. Any thread.</summary>
    internal bool IsSettled(long now) => now >= Volatile.Read(ref _closedUntil);

    /// <summary>True for the one thread that may migrate connections to or from this loop now. Any thread.</summary>
    internal bool TryBeginMigration(long now)
    {
        long until = Volatile.Read(ref _closedUntil);
        return now >= until && Interlocked.CompareExchange(ref _closedUntil, now + s_settling, until) == until;
    }

    [Conditional("DEBUG")]
    private void AssertOwner() => Debug.Assert(loop.IsOwnedByCurrentThread, "Only the owner of a loop measures it.");

    private bool IsIdle(long now) => IsStale(now) && !IsStuck(now);

    private bool IsStale(long now) => now - Volatile.Read(ref _measuredAt) > s_stale;
}
