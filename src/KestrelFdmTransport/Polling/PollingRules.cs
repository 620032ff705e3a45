using System;
using System.Diagnostics;

namespace KestrelFdmTransport.Polling;

/// <summary>The constants that decide how counters move and how sets share a turn. All times are clock ticks.</summary>
internal sealed record PollingRules
{
    internal const byte CounterMax = 8;

    /// <summary>A new connection starts here (FDM: active, N - 1), in the warm set.</summary>
    internal const byte CounterStart = 3;

    /// <summary>From here on a connection is hot.</summary>
    internal const byte CounterHot = 4;

    internal static readonly PollingRules Default = new();

    /// <summary>False: one queue, served in the order of arrival. Counters move all the same.</summary>
    internal bool Enabled { get; init; } = true;

    /// <summary>A gap below this counts the connection up; above, down by one for each such period. Scaled by <see cref="GapScale"/>.</summary>
    internal long HotGap { get; init; } = TicksOf(TimeSpan.FromMilliseconds(5));

    /// <summary>A connection that was served within this time is warm. Scaled as <see cref="HotGap"/> is.</summary>
    internal long WarmGap { get; init; } = TicksOf(TimeSpan.FromMilliseconds(250));

    /// <summary>A gap below this may be worth spinning for.</summary>
    internal long FastGap { get; init; } = TicksOf(TimeSpan.FromMicroseconds(100));

    /// <summary>Turns between two polls of the warm set.</summary>
    internal int WarmPeriod { get; init; } = 1;

    /// <summary>Turns between two polls of the cold set.</summary>
    internal int ColdPeriod { get; init; } = 1;

    /// <summary>What the warm and the cold set may always have served at a poll.</summary>
    internal int MinimumShare { get; init; } = 48;

    /// <summary>
    /// The same while the backlog is young. A loop that was kept from working for some milliseconds catches up; it does so several times later, at the cost of
    /// all others, if hot connections that would have waited as well ask on and on meanwhile.
    /// </summary>
    internal int MinimumShareAtFirst { get; init; } = 128;

    /// <summary>A loop that has been behind for so long is overloaded.</summary>
    internal long LastingBacklog { get; init; } = TicksOf(TimeSpan.FromMilliseconds(200));

    /// <summary>With many hot connections the warm set's share is so many times their number, and the cold set's half of that.</summary>
    internal int WarmWeight { get; init; } = 2;

    /// <summary>Up to this backlog the order of arrival rules.</summary>
    internal int ArrivalOrderBacklog { get; init; } = 32;

    /// <summary>Up to so many events of one harvest count as come at the same time, and then hot ones are served first; in a larger one they keep their order.</summary>
    internal int SmallHarvest { get; init; } = 8;

    internal static long TicksOf(TimeSpan time) => time.Ticks * (Stopwatch.Frequency / TimeSpan.TicksPerSecond);
}
