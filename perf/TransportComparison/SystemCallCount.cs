using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison;

/// <summary>System calls of a server under load, counted by strace, which makes it many times slower.</summary>
internal static class SystemCallCount
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(2);

    /// <summary>Null without strace.</summary>
    internal static async Task<double?> PerRequestAsync(
        ServerProcess server, CpuPlan plan, ILoad load, CancellationToken cancellation)
    {
        if (!ToolProcess.Exists("strace") || !ToolProcess.Exists("timeout"))
        {
            return null;
        }

        string file = Path.GetTempFileName();
        try
        {
            // It is interrupted after the load has ended, and prints its table then.
            string seconds = (s_duration.TotalSeconds + 2).ToString(CultureInfo.InvariantCulture);
            string process = server.ProcessId.ToString(CultureInfo.InvariantCulture);
            Task<string> tracing = ToolProcess.RunAsync(
                "timeout",
                ["--preserve-status", "-s", "INT", seconds, "strace", "-c", "-f", "-q", "-o", file, "-p", process],
                plan.Load,
                cancellation);
            await Task.Delay(TimeSpan.FromSeconds(0.5), cancellation);
            LoadOutcome outcome = await load.RunAsync(server, plan, s_duration, cancellation);
            await IgnoreExitCodeAsync(tracing);
            return Calls(await File.ReadAllTextAsync(file, cancellation)) / (double)outcome.Requests;
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The fourth column of the last line.</summary>
    internal static long Calls(string table)
    {
        string total = table.Split('\n').LastOrDefault(
            line => line.TrimEnd().EndsWith(" total", StringComparison.Ordinal))
            ?? throw new ServerException("strace printed no total.");
        return long.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture);
    }

    /// <summary>That of a program that was interrupted.</summary>
    private static async Task IgnoreExitCodeAsync(Task<string> tracing)
    {
        try
        {
            _ = await tracing;
        }
        catch (ServerException)
        {
        }
    }
}
