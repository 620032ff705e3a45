using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>
/// One server that serves by sets and in the order of arrival, in turn, while it is kept busy for a part of the time.
/// </summary>
internal sealed class SetsWorkload(int percent)
    : UtilisationWorkload(percent, "sets", ", by sets and in the order of arrival in turn")
{
    private const int Arrival = 0;
    private const int Sets = 1;
    private const int Hot = 0;
    private const int Others = 1;

    internal override bool RunsOn(Candidate candidate) => candidate.HasLoops;

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        var alternation = new AlternatingRun("/polling-sets/off", "/polling-sets/on");
        Dictionary<string, double> figures = await MeasureAsync(trial, alternation, cancellation);
        figures[Metric.P90ByArrival.Key] = Compare(alternation, Hot, 90);
        figures[Metric.P99ByArrival.Key] = Compare(alternation, Hot, 99);
        figures[Metric.OthersP90ByArrival.Key] = Compare(alternation, Others, 90);
        figures[Metric.OthersP99ByArrival.Key] = Compare(alternation, Others, 99);
        return figures;
    }

    private static double Compare(AlternatingRun alternation, int group, double percent)
        => alternation.Percentile(Sets, group, percent) / alternation.Percentile(Arrival, group, percent);
}
