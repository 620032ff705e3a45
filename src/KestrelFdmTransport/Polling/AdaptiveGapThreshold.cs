using System;
using System.Numerics;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// Stretches the thresholds to what a loop sees. FDM counted calls of poll(), and so scaled itself; a fixed time does
/// not: a gap includes the round trip, and behind 20 ms of network nobody would ever be hot. So the hot gap is doubled
/// until a fiftieth of the loop's recent gaps is below it, and once more.
/// </summary>
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

            // Old gaps count half: a new kind of load has its way after a few windows.
            _gaps[i] /= 2;
        }

        // If next to nobody comes even that often, there is no fast kind to tell from the others. Otherwise once more:
        // what the fiftieth shows is the fastest gaps of a kind, and most are longer.
        Shift = shift is 0 or > MaxShift ? 0 : Math.Min(shift + 1, MaxShift);
        _count /= 2;
    }
}
