using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.TransportComparison.Results;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class RegressionTests
{
    [Fact]
    public void A_ratio_that_has_fallen_by_more_than_the_tolerance_is_named()
    {
        string line = Assert.Single(Regressions.Find(ReportOf(90, 90, 90), ReportOf(100, 100, 100), tolerance: 5));

        Assert.Equal("plaintext-64, split, fdm: 0.90 (0.90–0.90), before 1.00 (1.00–1.00).", line);
    }

    [Theory]
    [InlineData(96)]
    [InlineData(100)]
    [InlineData(150)]
    public void One_within_the_tolerance_or_higher_is_not(double rate)
        => Assert.Empty(Regressions.Find(ReportOf(rate, rate, rate), ReportOf(100, 100, 100), tolerance: 5));

    [Fact]
    public void Rounds_that_spread_as_far_as_the_old_ratio_show_nothing()
        => Assert.Empty(Regressions.Find(ReportOf(80, 90, 100), ReportOf(100, 100, 100), tolerance: 5));

    [Fact]
    public void Less_cpu_time_for_a_request_is_better()
    {
        Report before = ReportOf(Metric.Cpu, 10, 10);
        Assert.Empty(Regressions.Find(ReportOf(Metric.Cpu, 8, 8), before, tolerance: 5));
        Assert.Single(Regressions.Find(ReportOf(Metric.Cpu, 12, 12), before, tolerance: 5));
    }

    [Fact]
    public void A_workload_that_the_earlier_run_has_not_is_left_out()
        => Assert.Empty(Regressions.Find(
            ReportOf(90, 90), new Report(DateTimeOffset.UnixEpoch, "", "", []), tolerance: 5));

    private static Report ReportOf(params double[] rates) => ReportOf(Metric.Rate, rates);

    private static Report ReportOf(Metric metric, params double[] rounds) => new(DateTimeOffset.UnixEpoch, "", "", [
        new WorkloadResult("split", "plaintext-64", "", "", "sockets", metric.Key, [
            Candidate("sockets", metric, [.. rounds.Select(_ => metric == Metric.Cpu ? 10.0 : 100.0)]),
            Candidate("fdm", metric, rounds),
        ]),
    ]);

    private static CandidateResult Candidate(string name, Metric metric, double[] rounds)
        => new(name, new Dictionary<string, double[]>(StringComparer.Ordinal) { [metric.Key] = rounds }, null);
}
