using System;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// FDM's live counter and its companions: sixteen bytes per slot in a packed array, so that a pass over many
/// connections touches no objects.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LiveCounter
{
    /// <summary>When the connection was last dispatched, in clock ticks.</summary>
    internal long LastServed;

    /// <summary>The spin predictor's epoch in which <see cref="FastStreak"/> was counted.</summary>
    internal ushort FastEpoch;

    /// <summary>0 to <see cref="PollingPolicy.CounterMax"/>: how often events came recently.</summary>
    internal byte Value;

    internal PollingSet Set;

    /// <summary>True while the connection has an entry in its set's queue.</summary>
    internal bool Queued;

    /// <summary>Consecutive gaps short enough to be worth spinning for.</summary>
    internal byte FastStreak;

    /// <summary>The connection's part in its loop's activity: its value when it last changed or was measured.</summary>
    internal byte Activity;

    internal static LiveCounter CreateNew(long now, byte value = PollingPolicy.CounterStart)
        => new()
        {
            LastServed = now,
            Value = value,
            Set = value >= PollingPolicy.CounterHot ? PollingSet.Hot : PollingSet.Warm
        };

    /// <summary>An event has come after this gap.</summary>
    internal void Move(long gap, long hotGap, long warmGap)
    {
        // Decay is lazy: it happens at the next event, so nothing walks all connections.
        Value = gap < hotGap ? (byte)Math.Min(PollingPolicy.CounterMax, Value + 1) : Decayed(gap, hotGap);
        bool staysHot = Set == PollingSet.Hot && Value >= 1;
        Set = Value >= PollingPolicy.CounterHot || staysHot ? PollingSet.Hot
            : gap < warmGap ? PollingSet.Warm
            : PollingSet.Cold;
    }

    /// <summary>The value if the next event came after this gap, or a longer one.</summary>
    internal readonly byte Decayed(long gap, long hotGap)
        => (byte)Math.Max(0, Value - Math.Min(PollingPolicy.CounterMax, gap / hotGap));
}
