using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// The callbacks that were offloaded for their cost and have not started yet. As network cards coalesce interrupts
/// under load, a loop that only dispatches need not wake for every request: its callback would only wait behind these.
/// </summary>
internal sealed class ThreadPoolBacklog
{
    /// <summary>The minimum time of an offloaded callback that counts, in microseconds.</summary>
    private const int MinCost = 50;

    private const int MaxCost = 1_000;

    /// <summary>A shorter sleep is not worth its timer; in microseconds.</summary>
    private const int MinSleep = 400;

    private const int MaxSleep = 2_000;

    private static readonly long s_microsecond = Stopwatch.Frequency / 1_000_000;

    private int _added;
    private int _started;
    private int _cost = MinCost << CostShift;

    /// <summary>The average moves by a sixteenth of each sample, and so has four more bits.</summary>
    private const int CostShift = 4;

    internal void Add() => Interlocked.Increment(ref _added);

    internal void OnStarted() => Interlocked.Increment(ref _started);

    /// <summary>An offloaded callback has completed. Without synchronisation: an average may lose a sample.</summary>
    internal void OnCompleted(long ticks)
    {
        int cost = (int)Math.Clamp(ticks / s_microsecond, MinCost, MaxCost);
        int before = Volatile.Read(ref _cost);
        Volatile.Write(ref _cost, before + cost - (before >> CostShift));
    }

    /// <summary>Microseconds for which a dispatch-only loop may sleep; 0 if that is not worth it.</summary>
    /// <param name="begun">
    /// How many had started at the caller's last call. If none has since, the pool's threads may all be blocked.
    /// </param>
    internal int SuggestedSleep(ref int begun)
    {
        int before = begun;
        begun = Volatile.Read(ref _started);
        return begun == before ? 0 : Duration(begun);
    }

    /// <summary>Half of their average cost: the next ones may be shorter.</summary>
    private int Duration(int begun)
    {
        long waiting = (Volatile.Read(ref _added) - begun) / Environment.ProcessorCount;
        long duration = waiting * Volatile.Read(ref _cost) >> (CostShift + 1);
        return duration < MinSleep ? 0 : (int)Math.Min(duration, MaxSleep);
    }
}
