using System;
using System.Diagnostics;

namespace KestrelFdmTransport.Polling;

/// <summary>Other units in ticks of <see cref="Stopwatch"/>.</summary>
internal static class StopwatchTime
{
    internal static long Ticks(TimeSpan duration) => duration.Ticks * (Stopwatch.Frequency / TimeSpan.TicksPerSecond);

    internal static long Ticks(long nanoseconds) => nanoseconds / (1_000_000_000 / Stopwatch.Frequency);
}
