using System;
using System.IO;
using System.Linq;
using KestrelFdmTransport.TransportComparison;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class ToolOutputTests
{
    private const string H2LoadOutput = """
        finished in 3.00s, 95000.33 req/s, 4.25MB/s
        requests: 285001 total, 285129 started, 285001 done, 285001 succeeded, 0 failed, 0 errored, 0 timeout
        status codes: 285001 2xx, 0 3xx, 0 4xx, 0 5xx
        """;

    [Fact]
    public void The_line_for_the_harness_is_found_in_what_wrk_prints()
    {
        LoadOutcome outcome = WrkLoad.Parse(
            "Running 1s test\n  1590 requests in 1.05s\n\n@wrk 1500 2000000 0 0 0 0 0 90 250 900\n",
            default);

        Assert.Equal(new GroupOutcome(750, 90, 250, 900), outcome.Groups.Single());
        Assert.Equal(1500, outcome.Requests);
    }

    [Theory]
    [InlineData("@wrk 1500 2000000 0 1 0 0 0 90 250 900")]
    [InlineData("@wrk 1500 2000000 0 0 0 3 0 90 250 900")]
    [InlineData("@wrk 1500 2000000 0 0 0 0 1 90 250 900")]
    [InlineData("@wrk 0 2000000 0 0 0 0 0 0 0 0")]
    [InlineData("@wrk 1 2")]
    [InlineData("unable to connect")]
    public void What_wrk_prints_of_errors_or_nothing_is_refused(string output)
        => Assert.Throws<ServerException>(() => WrkLoad.Parse(output, default));

    [Fact]
    public void Rate_and_count_are_found_in_what_h2load_prints()
    {
        LoadOutcome outcome = H2Load.Parse(H2LoadOutput, new LatencyHistogram(), default);

        Assert.Equal(95000.33, outcome.Groups.Single().Rate);
        Assert.Equal(285001, outcome.Requests);
    }

    [Theory]
    [InlineData("0 failed", "1 failed")]
    [InlineData("0 errored", "7 errored")]
    [InlineData("0 timeout", "7 timeout")]
    [InlineData("285001 2xx, 0 3xx", "285000 2xx, 1 3xx")]
    [InlineData("285001 succeeded", "0 succeeded")]
    [InlineData("status codes", "something else")]
    public void What_h2load_prints_of_errors_is_refused(string good, string bad)
        => Assert.Throws<ServerException>(() => H2Load.Parse(
            H2LoadOutput.Replace(good, bad, StringComparison.Ordinal), new LatencyHistogram(), default));

    [Fact]
    public void The_latencies_are_the_last_column_of_h2loads_log()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "1763835462000000\t200\t150\n1763835462000100\t200\t150\n");

            LatencyHistogram latencies = H2Load.Latencies(file);

            Assert.Equal(2, latencies.Count);
            Assert.InRange(latencies.Percentile(50), 147, 153);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_total_is_found_in_what_strace_prints()
    {
        const string Output = """
            % time     seconds  usecs/call     calls    errors syscall
            ------ ----------- ----------- --------- --------- ----------------
             60.00    0.060000           6     10000           sendto
             40.00    0.040000           4     10012         3 recvfrom
            ------ ----------- ----------- --------- --------- ----------------
            100.00    0.100000           4     20012         3 total
            """;

        Assert.Equal(20012, SystemCallCount.Calls(Output));
    }
}
