using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.ComparisonServer;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;
using KestrelFdmTransport.TransportComparison.Workloads;
using Spectre.Console;

namespace KestrelFdmTransport.TransportComparison;

/// <summary>A whole run.</summary>
internal sealed class Comparison(Settings settings)
{
    private readonly LoadTools _tools = LoadTools.Find(settings.OwnLoad);

    /// <summary>Returns the exit code: 1 if the figures of a candidate were refused, or a ratio has fallen.</summary>
    internal async Task<int> RunAsync(CancellationToken cancellation)
    {
        Report? baseline = settings.Baseline is { } file ? ReportFile.Read(file) : null;
        List<Candidate> candidates = await UsableAsync(cancellation);
        var report = new Report(DateTimeOffset.UtcNow, Machine(), Method(), []);
        var race = new WorkloadRun(settings, _tools, CpuWork.Calibrate());
        CpuPlan[] plans = [.. settings.Placements.Select(placement => CpuPlan.For(placement, settings.Cpus))];
        Announce(candidates, plans);
        foreach (CpuPlan plan in plans)
        {
            foreach (Workload workload in settings.Workloads.Where(workload => candidates.Any(workload.RunsOn)))
            {
                // One that says how many loops there are is the same in every placement.
                if (workload.Loops is not null && plan != plans[0])
                {
                    continue;
                }

                CpuPlan own = workload.Loops is { } loops ? CpuPlan.For(CpuPlan.Shared, settings.Cpus, loops) : plan;
                own.MoveHere();
                WorkloadResult result =
                    await RunOneAsync(race, workload, [.. candidates.Where(workload.RunsOn)], own, cancellation);
                report.Workloads.Add(result);
                ConsoleTables.Show(result);

                // After each, so that a run that is stopped leaves what it has.
                Write(report, baseline);
            }
        }

        ConsoleTables.ShowSummary(report, baseline);
        string[] regressions = baseline is not null && settings.Tolerance is { } tolerance
            ? [.. Regressions.Find(report, baseline, tolerance)]
            : [];
        foreach (string regression in regressions)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{regression}[/]");
        }

        return regressions.Length > 0
            || report.Workloads.Exists(result => result.Candidates.Exists(candidate => candidate.Refused is not null))
            ? 1
            : 0;
    }

    private static Task<WorkloadResult> RunOneAsync(
        WorkloadRun race, Workload workload, List<Candidate> candidates, CpuPlan plan, CancellationToken cancellation)
    {
        // Drawn between measurements only: a refreshing thread would disturb them.
        return AnsiConsole.Progress().AutoRefresh(enabled: false).AutoClear(enabled: true).StartAsync(async context =>
        {
            ProgressTask task = context.AddTask(workload.Name, maxValue: race.Steps(workload, candidates.Count));
            void OnStep(string what)
            {
                task.Description = Markup.Escape($"{workload.Name}: {what}");
                task.Increment(1);
                context.Refresh();
            }

            return await race.RunAsync(workload, candidates, plan, OnStep, cancellation);
        });
    }

    private async Task<List<Candidate>> UsableAsync(CancellationToken cancellation)
    {
        List<Candidate> candidates = [.. settings.Candidates];
        if (candidates.Exists(candidate => candidate.Native)
            && await NativeServer.CompileAsync(cancellation) is { } complaint)
        {
            AnsiConsole.MarkupLineInterpolated($"[yellow]Without the C server: {complaint}.[/]");
            candidates.RemoveAll(candidate => candidate.Native);
        }

        return candidates;
    }

    private void Announce(List<Candidate> candidates, CpuPlan[] plans)
    {
        AnsiConsole.MarkupLineInterpolated($"{Machine()}");
        AnsiConsole.MarkupLineInterpolated($"{Method()}");
        foreach (CpuPlan plan in plans)
        {
            AnsiConsole.MarkupLineInterpolated(
                $"{plan}{(settings.Cpus.Length < 2 ? " (there is no second CPU)" : "")}");
        }

        double load = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
        if (load > 0.5)
        {
            AnsiConsole.MarkupLineInterpolated(
                CultureInfo.InvariantCulture,
                $"[yellow]The machine is busy (load average {load}): the figures will mean little.[/]");
        }

        TimeSpan time = Estimate(candidates) * plans.Length;
        AnsiConsole.MarkupLineInterpolated(
            CultureInfo.InvariantCulture,
            $"{settings.Workloads.Count} workloads, {candidates.Count} candidates: about [bold]{time:h\\:mm\\:ss}[/]");
    }

    private TimeSpan Estimate(List<Candidate> candidates)
    {
        TimeSpan sum = TimeSpan.Zero;
        foreach (Workload workload in settings.Workloads)
        {
            sum += candidates.Count(workload.RunsOn) * WorkloadRun.Estimate(workload, settings);
        }

        return sum;
    }

    private string Method() => string.Create(
        CultureInfo.InvariantCulture,
        $"{settings.Rounds} rounds of {settings.Duration.TotalSeconds} s, warm-up {settings.WarmUp.TotalSeconds} s; "
            + $"wrk: {YesNo(_tools.HasWrk)}, h2load: {YesNo(_tools.HasH2Load)}");

    private static string Machine() => string.Create(
        CultureInfo.InvariantCulture,
        $"{CpuModel()}, {Environment.ProcessorCount} CPUs, {RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.FrameworkDescription}");

    private static string CpuModel()
        => File.ReadLines("/proc/cpuinfo").FirstOrDefault(
            line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string YesNo(bool value) => value ? "yes" : "no";

    private void Write(Report report, Report? baseline)
    {
        if (settings.Json is { } json)
        {
            ReportFile.Write(report, json);
        }

        if (settings.Markdown is { } markdown)
        {
            File.WriteAllText(markdown.FullName, Markdown.Of(report, baseline));
        }
    }
}
