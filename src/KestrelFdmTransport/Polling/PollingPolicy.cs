using System;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// The constants that decide how counters move and how sets share an iteration. All times are clock ticks.
/// </summary>
internal sealed record PollingPolicy
{
    internal const byte CounterMax = 8;

    /// <summary>A new connection starts here (FDM: active, N - 1), in the warm set.</summary>
    internal const byte CounterStart = 3;

    /// <summary>From here on a connection is hot.</summary>
    internal const byte CounterHot = 4;

    internal static readonly PollingPolicy Default = new();

    /// <summary>False: one queue in arrival order. Counters move all the same.</summary>
    internal bool Enabled { get; init; } = true;

    /// <summary>
    /// A gap below this raises the counter by one; a longer one lowers it by one per period. Scaled by
    /// <see cref="AdaptiveGapThreshold"/>.
    /// </summary>
    internal long HotGap { get; init; } = StopwatchTime.Ticks(TimeSpan.FromMilliseconds(5));

    /// <summary>A connection that was dispatched within this time is warm. Scaled like <see cref="HotGap"/>.</summary>
    internal long WarmGap { get; init; } = StopwatchTime.Ticks(TimeSpan.FromMilliseconds(250));

    /// <summary>A gap below this may be worth spinning for.</summary>
    internal long FastGap { get; init; } = StopwatchTime.Ticks(TimeSpan.FromMicroseconds(100));

    /// <summary>In arrival order, the number of dispatches before the loop polls again.</summary>
    internal int FifoBatch { get; init; } = 64;

    /// <summary>A loop that leaves over more than this is behind.</summary>
    internal int MaxBacklog { get; init; } = 32;

    /// <summary>
    /// A loop that has been behind for this time is overloaded. One that was kept from its CPU for some milliseconds is
    /// not: it catches up, but several times later if hot connections, dispatched first, keep asking meanwhile.
    /// </summary>
    internal long OverloadAfter { get; init; } = StopwatchTime.Ticks(TimeSpan.FromMilliseconds(500));

    /// <summary>A loop that is behind is overloaded at once if a connection has waited this long.</summary>
    internal long MaxQueueDelay { get; init; } = StopwatchTime.Ticks(TimeSpan.FromMilliseconds(30));

    /// <summary>The least that an overloaded loop dispatches of the warm and of the cold set in an iteration.</summary>
    internal int MinQuota { get; init; } = 48;

    /// <summary>
    /// With many hot connections the warm set's quota is this multiple of their number, and the cold set's half of it.
    /// </summary>
    internal int WarmWeight { get; init; } = 2;
}
