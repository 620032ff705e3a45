using System;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Polling;

/// <summary>Sums over the live counters of a loop's connections.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct LoopActivity
{
    /// <summary>
    /// Slots that are measured per window, which takes too little time to delay a request. Of 100,000 connections each
    /// is measured every five seconds. Only silent connections need that: the others count by their last event.
    /// </summary>
    private const int MeasuredPerWindow = 1_024;

    private int _measuredTo;

    internal int Sum { get; private set; }

    /// <summary>The part that a single request cannot explain.</summary>
    internal int Established { get; private set; }

    /// <summary>The number of hot connections.</summary>
    internal int Hot { get; private set; }

    /// <summary>A connection's live counter is now <paramref name="value"/>, or would be.</summary>
    internal void Update(ref LiveCounter counter, byte value)
    {
        byte before = counter.Activity;
        if (value == before)
        {
            return;
        }

        counter.Activity = value;
        Sum += value - before;
        Established += EstablishedPart(value) - EstablishedPart(before);
        Hot += (value >= PollingPolicy.CounterHot ? 1 : 0) - (before >= PollingPolicy.CounterHot ? 1 : 0);
    }

    /// <summary>Lets some silent connections count as of now.</summary>
    internal void MeasureSilent(LiveCounter[] counters, long now, long hotGap)
    {
        for (int i = Math.Min(MeasuredPerWindow, counters.Length); i > 0; i--)
        {
            _measuredTo = _measuredTo + 1 < counters.Length ? _measuredTo + 1 : 0;
            ref LiveCounter counter = ref counters[_measuredTo];
            if (counter.Activity > 0 && !counter.Queued)
            {
                Update(ref counter, counter.Decayed(now - counter.LastServed, hotGap));
            }
        }
    }

    private static int EstablishedPart(byte value) => value > PollingPolicy.CounterStart + 1 ? value : 0;
}
