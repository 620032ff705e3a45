using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>The cells of the tables, independent of the renderer.</summary>
internal sealed record Tabulation(List<string> Columns, List<List<string>> Rows)
{
    /// <summary>Figures and ratios of one workload, a column for each candidate.</summary>
    internal static Tabulation Of(WorkloadResult result)
    {
        Metric[] metrics = [.. Metric.Of(result)];
        var rows = new List<List<string>>();
        foreach (Metric metric in metrics)
        {
            rows.Add([metric.Title, .. result.Candidates.Select(metric.Text)]);
        }

        foreach (Metric metric in metrics.Where(metric => metric.RatioTitle is not null))
        {
            rows.Add(
                [metric.RatioTitle!, .. result.Candidates.Select(candidate => RatioText(metric, candidate, result))]);
        }

        return new(["", .. result.Candidates.Select(candidate => candidate.Candidate)], rows);
    }

    /// <summary>
    /// The headline ratio of each workload and candidate, or the figure where there is no ratio, and what has become of
    /// that of an earlier run.
    /// </summary>
    internal static Tabulation Summary(Report report, Report? baseline)
    {
        string[] candidates = [.. report.Workloads.SelectMany(result => result.Candidates).Select(
            candidate => candidate.Candidate).Distinct(StringComparer.Ordinal)];
        var rows = new List<List<string>>();
        foreach (WorkloadResult result in report.Workloads)
        {
            WorkloadResult? before = baseline?.Find(result.Workload, result.Placement);
            rows.Add(
                [
                    $"{result.Workload}, {result.Placement}: "
                        + $"{result.HeadlineMetric.RatioTitle ?? result.HeadlineMetric.Title}",
                    .. candidates.Select(name => Cell(result, before, name))
                ]);
        }

        return new(["", .. candidates], rows);
    }

    internal static Ratio? RatioOf(Metric metric, WorkloadResult result, string name)
        => result.ReferenceResult is { } reference
            && result.Find(name) is { } candidate ? metric.Compare(candidate, reference) : null;

    private static string Cell(WorkloadResult result, WorkloadResult? before, string name)
    {
        if (result.HeadlineMetric is { RatioTitle: null } plain)
        {
            return result.Candidates.Find(
                candidate => string.Equals(candidate.Candidate, name, StringComparison.Ordinal))
                is { } own ? plain.Text(own) : "–";
        }

        if (RatioOf(result.HeadlineMetric, result, name) is not { } now)
        {
            return result.Candidates.Exists(
                candidate => candidate.Refused
                    is not null && string.Equals(candidate.Candidate, name, StringComparison.Ordinal))
                ? "refused"
                : "–";
        }

        return before is not null && RatioOf(result.HeadlineMetric, before, name) is { } then
            ? string.Create(CultureInfo.InvariantCulture, $"{now}; to before: {Statistics.Change(then, now)}")
            : now.ToString();
    }

    private static string RatioText(Metric metric, CandidateResult candidate, WorkloadResult result)
        => result.ReferenceResult is { } reference
            && metric.Compare(candidate, reference) is { } ratio ? ratio.ToString() : "–";
}
