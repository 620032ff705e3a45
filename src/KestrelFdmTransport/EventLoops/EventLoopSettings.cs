using System;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What a group of loops needs to know.</summary>
internal sealed record EventLoopSettings
{
    internal required int LoopCount { get; init; }

    internal TimeSpan SpinDuration { get; init; }

    /// <summary>True if a loop whose thread is held by a callback is taken over by another thread.</summary>
    internal bool AllowsHandoff { get; init; }

    /// <summary>How long a callback may hold its loop.</summary>
    internal TimeSpan StallThreshold { get; init; }

    /// <summary>So many callbacks may be stalled at once while loops still run application code.</summary>
    internal int MaxStandbyThreads { get; init; }

    /// <summary>The most threads of the blocking pool.</summary>
    internal int MaxBlockingThreads { get; init; }

    /// <summary>True if a loop with too much to do gives hot connections to another.</summary>
    internal bool MigratesConnections { get; init; } = true;

    /// <summary>Says whether one more thread may be started.</summary>
    internal ThreadHeadroom Headroom { get; init; } = ThreadHeadroom.Process;

    /// <summary>A loop that fails again this soon after it was restarted is given up.</summary>
    internal TimeSpan RestartWindow { get; init; } = TimeSpan.FromMinutes(1);

    internal PollingPolicy Policy { get; init; } = PollingPolicy.Default;
}
