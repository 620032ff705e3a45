using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Programs of others.</summary>
internal static class ToolProcess
{
    internal static bool Exists(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, name)));

    /// <summary>What it has printed.</summary>
    internal static async Task<string> RunAsync(
        string name, IEnumerable<string> arguments, int[] cpus, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(name, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        using Process process = CpuPlan.Start(start, cpus);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            string output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return process.ExitCode == 0 ? output : throw new ServerException($"{name} failed: {await errors}{output}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
