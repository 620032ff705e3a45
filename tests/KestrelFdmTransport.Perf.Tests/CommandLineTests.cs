using System;
using System.Linq;
using KestrelFdmTransport.TransportComparison;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public void Without_options_all_candidates_run_all_workloads_but_the_computing_ones()
    {
        Settings settings = Read("");

        Assert.Equal(
            "sockets sockets-inline fdm fdm-inline fdm-pool c",
            string.Join(' ', settings.Candidates.Select(candidate => candidate.Name)));
        Assert.Contains(settings.Workloads, workload => workload.Name is "plaintext-64");
        Assert.DoesNotContain(
            settings.Workloads,
            workload => workload.Name.StartsWith("compute", StringComparison.Ordinal));
        Assert.Equal(
            (10, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(6)),
            (settings.Rounds, settings.Duration, settings.WarmUp));
    }

    [Fact]
    public void Names_may_be_separated_by_commas_or_blanks_and_workloads_chosen_by_pattern()
    {
        Settings settings = Read("--candidates fdm,c --workloads plaintext-* raw-64 --placement split,shared");

        Assert.Equal("fdm c", string.Join(' ', settings.Candidates.Select(candidate => candidate.Name)));
        Assert.Equal(
            "plaintext-1 plaintext-64 plaintext-512 raw-64",
            string.Join(' ', settings.Workloads.Select(workload => workload.Name)));
        Assert.Equal("split shared", string.Join(' ', settings.Placements));
    }

    [Theory]
    [InlineData("--candidates nginx", "'nginx'")]
    [InlineData("--workloads plaintext-65", "'plaintext-65'")]
    [InlineData("--placement elsewhere", "'elsewhere'")]
    [InlineData("--cpus 99999", "'99999'")]
    [InlineData("--rounds 0", "--rounds must be between 1 and 1000")]
    [InlineData("--seconds 61", "--seconds must be between 1 and 60")]
    [InlineData("--candidates fdm-old,fdm", "--old must name a folder")]
    [InlineData("--candidates fdm-old,fdm --old nowhere", "--old must name a folder")]
    [InlineData("--baseline nowhere.json", "'nowhere.json' does not exist")]
    [InlineData("--tolerance 5", "--tolerance must be between 0 and 100, with a --baseline")]
    public void A_wrong_value_is_named(string arguments, string complaint)
        => Assert.Contains(
            CommandLine.Command().Parse(arguments).Errors,
            error => error.Message.Contains(complaint, StringComparison.Ordinal));

    private static Settings Read(string arguments) => CommandLine.Read(CommandLine.Command().Parse(arguments));
}
