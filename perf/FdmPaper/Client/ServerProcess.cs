using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>A server as a child process, stopped while another one is measured.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const int SignalContinue = 18;
    private const int SignalStop = 19;

    private readonly Process _process;

    /// <param name="mechanism">What it serves with.</param>
    /// <param name="sleepThreshold">FDM's.</param>
    /// <param name="cpu">Where it runs, or -1: anywhere.</param>
    internal ServerProcess(string mechanism, int sleepThreshold, int cpu)
    {
        string[] serve =
        [
            Environment.ProcessPath!, typeof(ServerProcess).Assembly.Location, "serve", mechanism,
            sleepThreshold.ToString(CultureInfo.InvariantCulture)
        ];
        if (!IsDotnetHost)
        {
            serve = [serve[0], .. serve[2..]];
        }

        string[] pinned = cpu < 0 ? serve : ["taskset", "-c", cpu.ToString(CultureInfo.InvariantCulture), .. serve];
        var start = new ProcessStartInfo(pinned[0], pinned[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        };
        _process = Process.Start(start)!;
        Name = mechanism;
        string line = _process.StandardOutput.ReadLine()
            ?? throw new InvalidOperationException($"The server with {mechanism} has not started.");
        Port = int.Parse(line, CultureInfo.InvariantCulture);
    }

    internal string Name { get; }

    internal int Port { get; }

    /// <summary>In nanoseconds.</summary>
    internal long CpuTime => Sys.ProcessCpuTime(_process.Id);

    /// <summary>In nanoseconds, of the thread that has waited most: the pool's threads wait for each other.</summary>
    internal long WaitedTime
        => Directory.EnumerateDirectories($"/proc/{_process.Id}/task").Max(SchedulerStatistics.WaitedTime);

    private static bool IsDotnetHost
        => string.Equals(Path.GetFileName(Environment.ProcessPath), "dotnet", StringComparison.Ordinal);

    internal void Stop() => Sys.WriteEventFd(_process.Id, SignalStop);

    internal void Continue() => Sys.WriteEventFd(_process.Id, SignalContinue);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
