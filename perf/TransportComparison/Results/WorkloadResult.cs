using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Serialization;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <param name="Tool">What made the load.</param>
/// <param name="Reference">The candidate that the others are compared with.</param>
/// <param name="Headline">The key of the metric that this is about.</param>
internal sealed record WorkloadResult(
    string Placement,
    string Workload,
    string Description,
    string Tool,
    string Reference,
    string Headline,
    List<CandidateResult> Candidates)
{
    /// <summary>Those whose figures may be reported.</summary>
    [JsonIgnore]
    internal IEnumerable<CandidateResult> Valid => Candidates.Where(candidate => candidate.Refused is null);

    [JsonIgnore]
    internal CandidateResult? ReferenceResult => Find(Reference);

    /// <summary>Why candidates have no figures, a line for each.</summary>
    [JsonIgnore]
    internal IEnumerable<string> Refusals => Candidates
        .Where(candidate => candidate.Refused is not null)
        .Select(candidate => $"{candidate.Candidate} is refused: {candidate.Refused!.ReplaceLineEndings(" ")}");

    internal CandidateResult? Find(string name)
        => Valid.FirstOrDefault(candidate => string.Equals(candidate.Candidate, name, StringComparison.Ordinal));

    [JsonIgnore]
    internal Metric HeadlineMetric
        => Metric.All.First(metric => string.Equals(metric.Key, Headline, StringComparison.Ordinal));
}
