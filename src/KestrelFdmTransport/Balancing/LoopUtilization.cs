using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Balancing;

/// <summary>
/// How much a loop has to do: the part of its time that it did not wait, and the heat of its connections.
/// </summary>
/// <remarks>
/// Measured by the loop's owner in windows of <see cref="Window"/>, read by any thread. A loop that waits measures
/// nothing, and what is too old then counts as zero. A loop that is held by a callback or a long turn measures nothing
/// either, and that counts as all of its time.
/// </remarks>
internal sealed class LoopUtilization
{
    internal const int Scale = 1000;

    /// <summary>
    /// A loop that is busier than this has no time to spare, and how much more it would need does not show in its time.
    /// </summary>
    internal const int Saturated = 900;

    /// <summary>
    /// Windows, half a second. With time to spare nobody is in need, and for some tenths of a second times differ by
    /// chance: a loop that gets its CPU late finds more at a time, and serves it with less work.
    /// </summary>
    private const int SustainedWindows = 10;

    /// <summary>
    /// Long enough for a fair sample of what a thread gets from the scheduler, short enough to follow a shift of load.
    /// </summary>
    internal static readonly long Window = Stopwatch.Frequency / 20;

    /// <summary>
    /// After a move: in one window they move, and then both sides' averages have to show what it did.
    /// </summary>
    private static readonly long s_settling = 8 * Window;

    private static readonly long s_stale = 3 * Window;

    /// <summary>
    /// What is given to a loop in a longer turn waits: a callback holds it, or others that wait as well.
    /// </summary>
    private static readonly long s_stuckAfter = Stopwatch.Frequency / 100;

    private long _begin = Stopwatch.GetTimestamp();
    private long _idle;
    private double _average;
    private double _ownAverage;
    private int _sustainedBefore;
    private long _measuredAt;
    private long _measuredBefore;
    private long _iterationBegan = Stopwatch.GetTimestamp();
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
    /// What counts for giving connections away: the lower of the last two averages, of no more than the time that the
    /// loop had a CPU as long as it has time to spare. Where load begins everywhere at once, a loop that has measured
    /// it looks about before the others have; one window later they have, too. Owner only.
    /// </summary>
    internal int SustainedUtilization { get; private set; }

    /// <summary>
    /// Thousandths of its time in which the loop had something to do: an average in which the last window counts for a
    /// quarter, because whoever shares its CPU with others has it in one window and not in the next.
    /// </summary>
    internal int Utilization(long now) => !IsStale(now) ? Volatile.Read(ref _utilization) : IsStuck(now) ? Scale : 0;

    /// <summary>The sum of the live counters.</summary>
    internal int Activity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _activity);

    /// <summary>The sum of those live counters that say more than that a connection is new.</summary>
    internal int EstablishedActivity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _establishedActivity);

    /// <summary>The lower of the last two <see cref="EstablishedActivity"/>.</summary>
    internal int SustainedActivity(long now) => IsIdle(now) ? 0 : Volatile.Read(ref _sustainedActivity);

    /// <summary>
    /// The time as of which this loop may judge others by what they have measured. It is earlier than now if this loop
    /// has measured late: what has kept it from measuring, a long turn or a pause of the whole process, may have kept
    /// the others. Owner only, after <see cref="Measure"/>.
    /// </summary>
    internal long JudgesAsOf => _measuredBefore + Window;

    /// <summary>
    /// Connections that were accepted for this loop in the last one or two windows; what they will do does not show
    /// yet. Any thread.
    /// </summary>
    internal int RecentAccepts(long now) => _recentAccepts.Read(now / Window);

    /// <summary>Any thread.</summary>
    internal void OnAccepted(long now) => _recentAccepts.Add(now / Window);

    /// <summary>The loop has nothing to do and begins to spin, rest or sleep. Owner only.</summary>
    internal void BeginWait() => Volatile.Write(ref _waits, true);

    /// <summary>The loop has looked for events, having waited or not. Owner only.</summary>
    internal void BeginIteration(long now)
    {
        // In this order: a loop that is seen not to wait is seen to have begun its turn just now.
        Volatile.Write(ref _iterationBegan, now);
        Volatile.Write(ref _waits, false);
    }

    /// <summary>True while the loop has nothing to do. Any thread.</summary>
    internal bool Waits => Volatile.Read(ref _waits);

    /// <summary>
    /// True if the loop has been in one turn for so long that nothing should be given to it. Any thread.
    /// </summary>
    internal bool IsStuck(long now) => !Waits && now - Volatile.Read(ref _iterationBegan) > s_stuckAfter;

    /// <summary>The loop had nothing to do, spinning or asleep. Owner only.</summary>
    internal void AddIdleTime(long ticks) => _idle += ticks;

    internal bool IsDue(long now) => now - _begin >= Window;

    /// <summary>Ends a window. Owner only.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sets">The loop's.</param>
    /// <param name="cpuTime">What the loop has had of a CPU in this window, in clock ticks; negative if that is not
    /// known.</param>
    internal void Measure(long now, PollingSets sets, long cpuTime)
    {
        long length = now - _begin;
        (int heat, int proven, int hot) = sets.Measure(now);
        Hot = hot;
        double part = (double)Math.Max(0, length - _idle) / length;

        // With time to spare, waiting for a CPU that others use says nothing about the own connections.
        double own = cpuTime >= 0 && Scale * part < Saturated ? Math.Min(part, (double)cpuTime / length) : part;
        bool stale = IsStale(now);
        _average = stale ? part : _average + ((part - _average) / 4);
        _ownAverage = stale ? own : _ownAverage + ((own - _ownAverage) / 4);
        int lasting = (int)(Scale * _ownAverage);
        SustainedUtilization = Math.Min(lasting, _sustainedBefore);
        _sustainedBefore = lasting;
        Volatile.Write(ref _sustainedActivity, Math.Min(proven, _establishedActivity));
        Volatile.Write(ref _establishedActivity, proven);
        Volatile.Write(ref _utilization, (int)(Scale * _average));
        Volatile.Write(ref _activity, heat);
        _measuredBefore = _measuredAt;
        Volatile.Write(ref _measuredAt, now);
        _begin = now;
        _idle = 0;
    }

    /// <summary>
    /// Is told once a window whether the loop has more to do than another. True when that has lasted, and then it has
    /// to last again; at once if the loop has no time to spare. Owner only.
    /// </summary>
    internal bool IsAhead(bool inThisWindow)
    {
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

    /// <summary>False for a while after a move to or from here. Any thread.</summary>
    internal bool IsSettled(long now) => now >= Volatile.Read(ref _closedUntil);

    /// <summary>True for the one who may move connections to or from here. Any thread.</summary>
    internal bool TryBeginMigration(long now)
    {
        long until = Volatile.Read(ref _closedUntil);
        return now >= until && Interlocked.CompareExchange(ref _closedUntil, now + s_settling, until) == until;
    }

    private bool IsIdle(long now) => IsStale(now) && !IsStuck(now);

    private bool IsStale(long now) => now - Volatile.Read(ref _measuredAt) > s_stale;
}
