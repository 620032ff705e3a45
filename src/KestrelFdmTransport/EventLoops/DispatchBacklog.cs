using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The callbacks that were dispatched for their cost and have not begun yet. As network cards hold back their interrupts under load, a
/// loop that only dispatches need not be woken for every request: what it would add can only wait behind these.
/// </summary>
internal sealed class DispatchBacklog
{
    /// <summary>What a dispatched callback takes at the very least is twice as long; in microseconds.</summary>
    private const int HalfOfOne = 25;

    /// <summary>A shorter rest is not worth its timer; in microseconds.</summary>
    private const int ShortestRest = 400;

    private const int LongestRest = 1_000;

    private int _count;

    internal void Add() => Interlocked.Increment(ref _count);

    internal void Begin() => Interlocked.Decrement(ref _count);

    /// <summary>Microseconds for which the callbacks that wait keep all CPUs busy whatever happens; 0 if that is not worth a rest.</summary>
    internal int Rest()
    {
        int rest = Volatile.Read(ref _count) / Environment.ProcessorCount * HalfOfOne;
        return rest < ShortestRest ? 0 : Math.Min(rest, LongestRest);
    }
}
