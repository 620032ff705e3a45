using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>All of a run, as the JSON file has it.</summary>
internal sealed record Report(DateTimeOffset Started, string Machine, string Method, List<WorkloadResult> Workloads)
{
    internal WorkloadResult? Find(string workload, string placement)
        => Workloads.Find(result => string.Equals(result.Workload, workload, StringComparison.Ordinal)
            && string.Equals(result.Placement, placement, StringComparison.Ordinal));
}
