using System;
using System.Numerics;

namespace KestrelFdmTransport.Polling;

/// <summary>Scales the gap thresholds to the load of one loop.</summary>
/// <remarks>
/// A gap includes the network's round trip: behind 20 ms of network no connection would be hot at 5 ms. The threshold
/// therefore doubles until one gap in fifty is below it, and then once more.
/// </remarks>
internal sealed class AdaptiveGapThreshold
{
    /// <summary>At most 256 times the given threshold.</summary>
    internal const int MaxShift = 8;

    private const int Window = 1024;
    private const int Share = 50;

    private readonly int[] _gaps = new int[MaxShift + 2];
    private readonly long _unit;
    private int _count;

    internal AdaptiveGapThreshold(long unit) => _unit = unit;

    /// <summary>The thresholds are multiplied by two to this power.</summary>
    internal int Shift { get; private set; }

    internal void Add(long gap)
    {
        int bucket = gap < _unit ? 0 : 1 + BitOperations.Log2((ulong)(gap / _unit));
        _gaps[bucket < _gaps.Length ? bucket : _gaps.Length - 1]++;
        if (++_count >= Window)
        {
            Adjust();
        }
    }

    private void Adjust()
    {
        int needed = _count / Share;
        int below = 0;
        int shift = 0;
        for (int i = 0; i < _gaps.Length; i++)
        {
            below += _gaps[i];
            if (below < needed)
            {
                shift = i + 1;
            }

            // Older gaps count half, so a new kind of load decides after a few windows.
            _gaps[i] /= 2;
        }

        // Without a fast group there is nothing to separate, so the thresholds stay. Otherwise one step more: the
        // fiftieth gap is among the fastest of its group, and most of that group are longer.
        Shift = shift is 0 or > MaxShift ? 0 : Math.Min(shift + 1, MaxShift);
        _count /= 2;
    }
}
