using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The callbacks that were dispatched for their cost and have not begun yet. As network cards hold back their interrupts under load, a
/// loop that only dispatches need not be woken for every request: what it would add can only wait behind these.
/// </summary>
internal sealed class DispatchBacklog
{
    /// <summary>A callback that is dispatched for its cost takes at least twice as long; in microseconds.</summary>
    private const int HalfOfOne = 25;

    /// <summary>A shorter rest is not worth its timer; in microseconds.</summary>
    private const int ShortestRest = 400;

    private const int LongestRest = 1_000;

    private int _added;
    private int _begun;

    internal void Add() => Interlocked.Increment(ref _added);

    internal void Begin() => Interlocked.Increment(ref _begun);

    /// <summary>Microseconds for which the callbacks that wait keep all CPUs busy whatever happens; 0 if that is not worth a rest.</summary>
    /// <param name="begun">How many had begun when the caller asked last. If none has since, the pool's threads may all be blocked.</param>
    internal int Rest(ref int begun)
    {
        int before = begun;
        begun = Volatile.Read(ref _begun);
        if (begun == before)
        {
            return 0;
        }

        int rest = (Volatile.Read(ref _added) - begun) / Environment.ProcessorCount * HalfOfOne;
        return rest < ShortestRest ? 0 : Math.Min(rest, LongestRest);
    }
}
