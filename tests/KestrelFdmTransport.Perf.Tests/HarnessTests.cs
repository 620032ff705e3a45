using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Results;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class HarnessTests
{
    [Fact]
    public async Task A_short_run_writes_figures_of_each_candidate()
    {
        var json = new FileInfo(Path.GetTempFileName());
        try
        {
            // As a process of its own: it moves itself to one CPU.
            var start = new ProcessStartInfo("dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "TransportComparison.dll"),
                "--candidates",
                "sockets,fdm",
                "--workloads",
                "plaintext-1",
                "--own-load",
                "--rounds",
                "1",
                "--seconds",
                "1",
                "--warm-up",
                "1",
                "--json", json.FullName,
            ])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            string output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();

            Assert.True(process.ExitCode == 0, output);
            WorkloadResult result = Assert.Single(ReportFile.Read(json).Workloads);
            Assert.Equal("own generator", result.Tool);
            foreach (string candidate in new[] { "sockets", "fdm" })
            {
                CandidateResult figures = Assert.IsType<CandidateResult>(result.Find(candidate));
                Assert.True(Assert.Single(figures.Rounds["rate"]) > 0);
                Assert.True(Assert.Single(figures.Rounds["cpu"]) > 0);
            }
        }
        finally
        {
            json.Delete();
        }
    }
}
