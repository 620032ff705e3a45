using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>
/// Has strace make system calls of a running process fail. It lets go of the process when it is disposed.
/// </summary>
internal sealed class FaultInjector : IAsyncDisposable
{
    private const string Marker = " (INJECTED)";

    private readonly Process _strace;
    private readonly string _log;

    private FaultInjector(Process strace, string log)
    {
        _strace = strace;
        _log = log;
    }

    /// <summary>
    /// The system calls of this kind that the process has made, and how many of them were made to fail.
    /// </summary>
    public (int Calls, int Injected) Count
    {
        get
        {
            (int calls, int injected) = (0, 0);
            foreach (string line in File.ReadLines(_log))
            {
                calls += line.Contains('=', StringComparison.Ordinal) ? 1 : 0;
                injected += line.EndsWith(Marker, StringComparison.Ordinal) ? 1 : 0;
            }

            return (calls, injected);
        }
    }

    /// <summary>
    /// Attaches to every thread of the process, or to one. Skips the case where that is not possible.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="call">The system call.</param>
    /// <param name="error">The name of the error.</param>
    /// <param name="when">Which calls of each thread: "5", or "3+7" for the third and every seventh after it.</param>
    /// <param name="threadName">The only thread to attach to; by default all, and those that are still to come.</param>
    public static async Task<FaultInjector> StartAsync(
        ChildProcess process, string call, string error, string when, string? threadName = null)
    {
        Skip.IfNot(File.Exists("/usr/bin/strace"), "There is no strace.");
        string log = Path.GetTempFileName();
        var start = new ProcessStartInfo(
            "/usr/bin/strace",
            [
                threadName is null ? "-f" : "-yy", "-p",
                $"{(threadName is null ? process.Id : ThreadOf(process, threadName))}", "-o", log, "-e",
                $"trace={call}", "-e", $"inject={call}:error={error}:when={when}"
            ])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        Process strace = Process.Start(start)!;
        string? said = await strace.StandardError.ReadLineAsync().Within("strace");
        if (said is null || !said.Contains("attached", StringComparison.Ordinal))
        {
            await strace.WaitForExitAsync().Within("the end of strace");
            strace.Dispose();
            File.Delete(log);
            throw new SkipException($"strace cannot attach: {said}");
        }

        _ = strace.StandardError.ReadToEndAsync();
        return new FaultInjector(strace, log);
    }

    private static int ThreadOf(ChildProcess process, string name)
        => Directory.GetDirectories($"/proc/{process.Id}/task")
        .Where(task => string.Equals(
            File.ReadAllText(Path.Combine(task, "comm")).TrimEnd(), name, StringComparison.Ordinal))
        .Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))
        .Single();

    /// <summary>Lets go of the process.</summary>
    public async Task StopAsync()
    {
        if (!_strace.HasExited)
        {
            ChildProcess.Terminate(_strace.Id);
        }

        await _strace.WaitForExitAsync().Within("the end of strace");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _strace.Dispose();
        File.Delete(_log);
    }
}
