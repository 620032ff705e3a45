using System;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>The settings of a group of loops.</summary>
internal sealed record EventLoopSettings
{
    internal required int LoopCount { get; init; }

    internal TimeSpan SpinDuration { get; init; }

    /// <summary>True if another thread takes a loop over when a callback holds it.</summary>
    internal bool AllowsHandoff { get; init; }

    /// <summary>How long a callback may hold its loop.</summary>
    internal TimeSpan StallThreshold { get; init; }

    /// <summary>The maximum number of stalled callbacks while loops still run application code.</summary>
    internal int MaxStandbyThreads { get; init; }

    /// <summary>The maximum number of threads of the blocking pool.</summary>
    internal int MaxBlockingThreads { get; init; }

    /// <summary>True if hot connections migrate from busy loops to others.</summary>
    internal bool RebalancesConnections { get; init; } = true;

    /// <summary>Decides whether one more thread may be started.</summary>
    internal ThreadHeadroom Headroom { get; init; } = ThreadHeadroom.Process;

    /// <summary>A loop that fails again this soon after it was restarted is given up.</summary>
    internal TimeSpan RestartWindow { get; init; } = TimeSpan.FromMinutes(1);

    internal ThreadLimits ThreadLimits => new(LoopCount, MaxStandbyThreads, MaxBlockingThreads, Headroom);

    internal PollingPolicy Policy { get; init; } = PollingPolicy.Default;
}
