using System;
using System.Collections.Generic;
using System.Linq;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>What is measured. A rate of 0 is a closed loop: as fast as replies come.</summary>
internal sealed record Plan
{
    internal required int Rounds { get; init; }

    internal required TimeSpan Duration { get; init; }

    internal required int Active { get; init; }

    /// <summary>Figure 9: idle connections.</summary>
    internal required IReadOnlyList<int> Idle { get; init; }

    /// <summary>Figure 9: requests per second.</summary>
    internal required int FixedRate { get; init; }

    /// <summary>Figure 11: idle connections.</summary>
    internal required int LoadedIdle { get; init; }

    /// <summary>Figure 11: requests per second.</summary>
    internal required IReadOnlyList<int> Loads { get; init; }

    /// <summary>Each number of idle connections with the rates that are measured beside it.</summary>
    internal IEnumerable<(int Idle, IReadOnlyList<int> Rates)> Steps
        => Idle.Append(LoadedIdle).Distinct().Order().Select(idle => (idle, RatesAt(idle)));

    private IReadOnlyList<int> RatesAt(int idle)
        => [.. (Idle.Contains(idle) ? new[] { 0, FixedRate } : []).Concat(idle == LoadedIdle ? Loads : []).Distinct()];
}
