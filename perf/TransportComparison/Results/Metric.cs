using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>One kind of figure.</summary>
/// <param name="Key">Its name in the JSON file.</param>
/// <param name="Title">Its column.</param>
/// <param name="Format">Of the median.</param>
/// <param name="RatioTitle">The column of its ratio; null where none is reported.</param>
/// <param name="Inverse">The ratio is the reference's figure by the candidate's.</param>
internal sealed record Metric(string Key, string Title, string Format, string? RatioTitle = null, bool Inverse = false)
{
    internal static readonly Metric Rate = new("rate", "requests/s", "N0", "requests/s ×");
    internal static readonly Metric Cpu = new("cpu", "CPU µs/request", "0.00", "capacity ×", Inverse: true);
    internal static readonly Metric User = new("user", "user µs", "0.00");
    internal static readonly Metric System = new("system", "system µs", "0.00");
    internal static readonly Metric Switches = new("switches", "switches/request", "0.000");
    internal static readonly Metric SystemCalls = new("syscalls", "system calls/request", "0.00");
    internal static readonly Metric P50 = new("p50", "p50 µs", "N0");
    internal static readonly Metric P99 = new("p99", "p99 µs", "N0", "p99 ×");
    internal static readonly Metric P999 = new("p999", "p99.9 µs", "N0");
    internal static readonly Metric SlowRate = new("slowRate", "slow requests/s", "N0");
    internal static readonly Metric SlowP99 = new("slowP99", "slow p99 µs", "N0");
    internal static readonly Metric OthersRate = new("othersRate", "others req/s", "N0", "others req/s ×");
    internal static readonly Metric OthersP99 = new("othersP99", "others p99 µs", "N0", "others p99 ×");
    internal static readonly Metric Resident = new("resident", "resident bytes/connection", "N0", "resident ×");
    internal static readonly Metric Managed = new("managed", "managed bytes/connection", "N0", "managed ×");
    internal static readonly Metric Capacity = new("capacity", "capacity, requests/s", "N0");
    internal static readonly Metric Utilisation = new("utilisation", "server's CPU %", "N0");
    internal static readonly Metric P90ByArrival = new("p90ByArrival", "p90 by that in order of arrival", "0.00");
    internal static readonly Metric P99ByArrival = new("p99ByArrival", "p99 by that in order of arrival", "0.00");
    internal static readonly Metric OthersP90ByArrival =
        new("othersP90ByArrival", "others p90 by that in order of arrival", "0.00");
    internal static readonly Metric OthersP99ByArrival =
        new("othersP99ByArrival", "others p99 by that in order of arrival", "0.00");
    internal static readonly Metric OfBalanced = new("ofBalanced", "× balanced", "0.00");
    internal static readonly Metric UtilizationDifference =
        new("utilizationDifference", "highest utilization minus lowest, points of 100", "N0");
    internal static readonly Metric LoopShare = new("loopShare", "highest loop × mean", "0.00");
    internal static readonly Metric ActivityShare = new("activityShare", "highest loop's activity × mean", "0.00");
    internal static readonly Metric Moves = new("moves", "connections moved", "N0");
    internal static readonly Metric LateMoves = new("lateMoves", "of these in the second half", "N0");

    /// <summary>The part of a group's requests that found their connection in each set.</summary>
    internal static readonly IReadOnlyList<Metric> Sets = [.. InSets("", "")];

    /// <summary>The same of the second group.</summary>
    internal static readonly IReadOnlyList<Metric> OthersSets = [.. InSets("others", "others ")];

    /// <summary>In the order of their columns.</summary>
    internal static readonly IReadOnlyList<Metric> All =
    [
        Rate,
        Cpu,
        User,
        System,
        Switches,
        SystemCalls,
        P50,
        P99,
        P999,
        SlowRate,
        SlowP99,
        OthersRate,
        OthersP99,
        Resident,
        Managed,
        Capacity,
        Utilisation,
        P90ByArrival,
        P99ByArrival,
        OthersP90ByArrival,
        OthersP99ByArrival,
        OfBalanced,
        UtilizationDifference,
        LoopShare,
        ActivityShare,
        Moves,
        LateMoves,
        .. Sets,
        .. OthersSets,
    ];

    /// <summary>Those that some candidate has.</summary>
    internal static IEnumerable<Metric> Of(WorkloadResult result)
        => All.Where(metric => result.Candidates.Any(candidate => candidate.Rounds.ContainsKey(metric.Key)));

    /// <summary>A column's text: median and spread.</summary>
    internal string Text(CandidateResult candidate)
    {
        if (!candidate.Rounds.TryGetValue(Key, out double[]? rounds))
        {
            return candidate.Refused is null ? "–" : "refused";
        }

        string median = Statistics.Median(rounds).ToString(Format, CultureInfo.InvariantCulture);
        return rounds.Length == 1
            ? median
            : string.Create(CultureInfo.InvariantCulture, $"{median} ±{100 * Statistics.Spread(rounds):0.#}%");
    }

    private static IEnumerable<Metric> InSets(string key, string title)
        => Enum.GetValues<PollingSet>().Select(
            set => new Metric($"{key}{set}", $"{title}{set} %".ToLowerInvariant(), "N0"));

    internal Ratio? Compare(CandidateResult candidate, CandidateResult reference)
    {
        if (!candidate.Rounds.TryGetValue(Key, out double[]? own)
            || !reference.Rounds.TryGetValue(Key, out double[]? others))
        {
            return null;
        }

        return Inverse ? Statistics.PairedRatio(others, own) : Statistics.PairedRatio(own, others);
    }
}
