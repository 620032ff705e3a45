using System;
using System.Linq;
using KestrelFdmTransport.TransportComparison;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;
using KestrelFdmTransport.TransportComparison.Workloads;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class LocalityTests
{
    [Fact]
    public void Candidates_and_workloads_for_a_single_question_run_if_they_are_named()
    {
        Settings settings = CommandLine.Read(
            CommandLine.Command().Parse("--candidates fdm-no-sets --workloads utilisation-* new-connections"));

        Assert.Equal("fdm-no-sets", Assert.Single(settings.Candidates).Name);
        Assert.Equal(
            "utilisation-50 utilisation-60 utilisation-70 utilisation-80 utilisation-85 utilisation-90 utilisation-95 "
                + "new-connections",
            string.Join(' ', settings.Workloads.Select(workload => workload.Name)));
    }

    [Fact]
    public void The_server_gets_as_many_loops_as_the_workload_says_on_the_same_cpus()
    {
        CpuPlan plan = CpuPlan.For(CpuPlan.Shared, [3, 5], loops: 8);

        Assert.Equal((8, "3 5", "3 5"), (plan.Loops, string.Join(' ', plan.Server), string.Join(' ', plan.Load)));
    }

    [Theory]
    [InlineData(50_000, 50, 935)]
    [InlineData(50_000, 95, 2172)]
    [InlineData(10_000, 50, 1)]
    public void Sporadic_clients_want_what_hot_ones_leave(double capacity, int percent, int clients)
        => Assert.Equal(clients, UtilisationWorkload.SporadicClients(capacity, percent));

    [Fact]
    public void Speakers_are_of_one_loop_or_as_many_of_each()
    {
        int[] connections = [.. Enumerable.Range(0, 10)];

        Assert.Equal([0, 1, 2], new ActiveClients(3, Loop: 0).Choose(connections, connection => connection / 7));
        Assert.Equal([0, 7, 1, 8], new ActiveClients(4).Choose(connections, connection => connection / 7));
    }

    [Fact]
    public void A_loop_with_too_few_connections_for_the_speakers_is_no_measurement()
        => Assert.Throws<ServerException>(() => new ActiveClients(4, Loop: 1).Choose([0, 0, 0, 1, 1, 1], loop => loop));

    [Fact]
    public void Shares_are_by_the_mean_and_differences_of_the_second_half()
    {
        var samples = new LoopSamples(
        [
            [Loop(busy: 1, heat: 80, moves: 3), Loop(busy: 0, heat: 0, moves: 0)],
            [Loop(busy: 0.9, heat: 60, moves: 10), Loop(busy: 0.2, heat: 20, moves: 1)],
            [Loop(busy: 0.5, heat: 30, moves: 11), Loop(busy: 0.4, heat: 50, moves: 1)],
            [Loop(busy: 0.5, heat: 0, moves: 11), Loop(busy: 0.5, heat: 0, moves: 2)],
        ]);

        Assert.Equal((10, 1), (samples.Moves, samples.LateMoves));
        Assert.Equal(5, samples.UtilizationDifference, 9);
        Assert.Equal((1.25 + 1) / 2, samples.ActivityShare, 9);
    }

    [Fact]
    public void A_figure_without_ratio_is_in_the_summary_as_it_is()
    {
        var result = new WorkloadResult(
            "shared",
            "accept-slow-1000-2",
            "",
            "",
            "fdm",
            Metric.LoopShare.Key,
            [
                new("fdm", new(StringComparer.Ordinal) { ["loopShare"] = [1.02] }, null),
                new("fdm-no-migration", [], "it did not start")
            ]);

        Tabulation summary = Tabulation.Summary(new Report(default, "", "", [result]), baseline: null);

        Assert.Equal(
            ["accept-slow-1000-2, shared: highest loop × mean", "1.02", "refused"],
            Assert.Single(summary.Rows));
    }

    private static EventLoopStatistics Loop(double busy, int heat, long moves)
    {
        PollingSetStatistics none = new() { Polls = 0, Dispatched = 0, MeanQueueDelay = default, Queued = 0 };
        return new()
        {
            Name = "fdm-loop-0",
            Connections = 0,
            Accepts = 0,
            Iterations = 0,
            EpollWaits = 0,
            Events = 0,
            Stalls = 0,
            ReadPauses = 0,
            IdleTimeouts = 0,
            AcceptPauses = 0,
            Migrations = moves,
            Utilization = busy,
            Activity = heat,
            OldestReady = default,
            Hot = none,
            Warm = none,
            Cold = none,
        };
    }
}
