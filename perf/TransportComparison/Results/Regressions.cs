using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>The ratios that are lower than those of an earlier run.</summary>
internal static class Regressions
{
    /// <summary>
    /// A line for each headline ratio that is lower than before by more than <paramref name="tolerance"/> percent. The
    /// upper end of its interval counts, so that noise alone is none.
    /// </summary>
    internal static IEnumerable<string> Find(Report now, Report before, int tolerance)
    {
        foreach (WorkloadResult result in now.Workloads)
        {
            if (before.Find(result.Workload, result.Placement) is not { } earlier)
            {
                continue;
            }

            foreach (string name in result.Valid.Select(candidate => candidate.Candidate))
            {
                if (Tabulation.RatioOf(result.HeadlineMetric, result, name) is { } ratio
                    && Tabulation.RatioOf(result.HeadlineMetric, earlier, name) is { } old
                    && ratio.High < old.Median * (100 - tolerance) / 100)
                {
                    yield return string.Create(
                        CultureInfo.InvariantCulture,
                        $"{result.Workload}, {result.Placement}, {name}: {ratio}, before {old}.");
                }
            }
        }
    }
}
