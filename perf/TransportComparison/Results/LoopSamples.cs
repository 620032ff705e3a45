using System;
using System.Collections.Generic;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>The figures of a server's event loops, taken again and again while it was loaded.</summary>
internal sealed class LoopSamples(IReadOnlyList<IReadOnlyList<EventLoopStatistics>> samples)
{
    /// <summary>When what follows from a new load has happened.</summary>
    private IEnumerable<IReadOnlyList<EventLoopStatistics>> Late => samples.Skip(samples.Count / 2);

    internal long Moves => MovesBetween(0, samples.Count - 1);

    internal long LateMoves => MovesBetween(samples.Count / 2, samples.Count - 1);

    /// <summary>The highest utilization minus the lowest, in points of 100, on average.</summary>
    internal double UtilizationDifference
        => Late.Average(loops => 100 * (loops.Max(loop => loop.Utilization) - loops.Min(loop => loop.Utilization)));

    /// <summary>The highest activity of a loop relative to the mean of all, on average.</summary>
    internal double ActivityShare => Late.Average(loops => Share(loops, loop => loop.Activity));

    /// <summary>The highest loop's figure relative to the mean of all.</summary>
    internal static double Share(IReadOnlyList<EventLoopStatistics> loops, Func<EventLoopStatistics, double> figure)
        => loops.Sum(figure) is var sum and > 0 ? loops.Max(figure) * loops.Count / sum : 1;

    private long MovesBetween(int first, int last)
        => samples[last].Sum(loop => loop.Migrations) - samples[first].Sum(loop => loop.Migrations);
}
