using System;
using System.Collections.Generic;
using System.IO;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Workloads;

namespace KestrelFdmTransport.TransportComparison;

/// <summary>What the command line asks for.</summary>
internal sealed record Settings(
    IReadOnlyList<Candidate> Candidates,
    IReadOnlyList<Workload> Workloads,
    IReadOnlyList<string> Placements,
    int Rounds,
    TimeSpan Duration,
    TimeSpan WarmUp,
    int[] Cpus,
    bool OwnLoad,
    bool SystemCalls,
    FileInfo? Markdown,
    FileInfo? Json,
    FileInfo? Baseline,
    int? Tolerance,
    DirectoryInfo? Old);
