using System.Collections.Generic;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <param name="Rounds">The figures of each round, by the metric's key.</param>
/// <param name="Refused">Why there are no figures.</param>
internal sealed record CandidateResult(string Candidate, Dictionary<string, double[]> Rounds, string? Refused);
