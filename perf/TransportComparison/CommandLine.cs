using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.IO;
using System.IO.Enumeration;
using System.Linq;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Servers;
using KestrelFdmTransport.TransportComparison.Workloads;

namespace KestrelFdmTransport.TransportComparison;

internal static class CommandLine
{
    internal static readonly Option<bool> List =
        new("--list") { Description = "Show the candidates and the workloads, and run nothing." };

    private static readonly Option<string[]> s_candidates = Names(
        "--candidates",
        "Servers to compare; the first is the reference if 'sockets' is not among them. [default: all that --list does "
            + "not mark]");
    private static readonly Option<string[]> s_workloads = Names(
        "--workloads",
        "What to run; 'plaintext-*' takes all that begin so. [default: all that --list does not mark]");
    private static readonly Option<string[]> s_placements = Names(
        "--placement",
        "'split': one CPU for the server, another for the load. 'shared': two loops, load on the same two CPUs. Or "
            + "both. [default: split]");
    private static readonly Option<int> s_rounds =
        Number("--rounds", 10, 1, 1000, "Rounds, in each of which every candidate is measured once.");
    private static readonly Option<int> s_seconds = Number("--seconds", 3, 1, 60, "Duration of each measurement.");
    private static readonly Option<int> s_warmUp = Number(
        "--warm-up",
        6,
        1,
        60,
        "Seconds of load before the first round, for each server. Below 6 the JIT may not be done.");
    private static readonly Option<int> s_idle =
        Number("--idle", 9500, 100, 1_000_000, "Idle connections, as far as the limit of open files allows.");
    private static readonly Option<string[]> s_cpus =
        Names("--cpus", "The CPUs to use: that of the server, that of the load. [default: the first two]");
    private static readonly Option<bool> s_ownLoad =
        new("--own-load") { Description = "Use the own load generator even if wrk and h2load are there." };
    private static readonly Option<bool> s_systemCalls =
        new("--syscalls") { Description = "Count system calls with strace, in a short run of its own." };
    private static readonly Option<FileInfo?> s_markdown =
        new("--markdown") { Description = "Write the tables to this file." };
    private static readonly Option<FileInfo?> s_json =
        new("--json") { Description = "Write all figures to this file." };
    private static readonly Option<FileInfo?> s_baseline =
        new("--baseline") { Description = "A JSON file of an earlier run to compare the ratios with." };

    private static readonly Option<int?> s_tolerance = new("--tolerance")
    {
        Description = "With --baseline: the exit code is 1 if a ratio is lower by more than this many percent."
    };

    private static readonly Option<DirectoryInfo?> s_old = new("--old")
    {
        Description = "The folder with the ComparisonServer.dll of another build, for the candidates that end in -old."
    };

    static CommandLine()
    {
        Check(s_candidates, name => Candidate.All.Any(candidate => candidate.Is(name)), "is no candidate");
        Check(
            s_workloads, name => WorkloadList.All(idle: 1).Any(workload => Matches(name, workload)), "is no workload");
        Check(
            s_placements,
            name => name is CpuPlan.Split or CpuPlan.Shared,
            $"is neither '{CpuPlan.Split}' nor '{CpuPlan.Shared}'");
        Check(
            s_cpus,
            name => CpuSet.Usable().Select(Text).Contains(name, StringComparer.Ordinal),
            "is no CPU that this process may use");
        s_baseline.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo?>() is { Exists: false } file)
            {
                result.AddError($"The baseline '{file}' does not exist.");
            }
        });
    }

    private static void CheckTolerance(CommandResult result)
    {
        if (result.GetValue(s_tolerance) is { } tolerance
            && (tolerance is < 0 or > 100 || result.GetValue(s_baseline) is null))
        {
            result.AddError("--tolerance must be between 0 and 100, with a --baseline.");
        }
    }

    private static void CheckOld(CommandResult result)
    {
        bool named = Values(result, s_candidates).Any(
            name => Candidate.All.Any(candidate => candidate.Is(name) && candidate.Old));
        DirectoryInfo? old = result.GetValue(s_old);
        if (old is null ? named : !File.Exists(Path.Combine(old.FullName, "ComparisonServer.dll")))
        {
            result.AddError(
                "--old must name a folder with a ComparisonServer.dll, for instance "
                    + "perf/TransportComparison/bin/Release/net10.0 of another checkout.");
        }
    }

    internal static RootCommand Command()
    {
        var command = new RootCommand("Compares transports of Kestrel side by side.");
        foreach (Option option in new Option[]
        {
            List,
            s_candidates,
            s_workloads,
            s_placements,
            s_rounds,
            s_seconds,
            s_warmUp,
            s_idle,
            s_cpus,
            s_ownLoad,
            s_systemCalls,
            s_markdown,
            s_json,
            s_baseline,
            s_tolerance,
            s_old,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(CheckOld);
        command.Validators.Add(CheckTolerance);
        return command;
    }

    internal static Settings Read(ParseResult result)
    {
        string[] candidates = Values(result, s_candidates);
        string[] patterns = Values(result, s_workloads);
        string[] placements = Values(result, s_placements);
        int[] cpus = [.. Values(result, s_cpus).Select(cpu => int.Parse(cpu, CultureInfo.InvariantCulture))];
        return new Settings(
            candidates is []
                ? [.. Candidate.All.Where(candidate => !candidate.OnlyIfNamed)]
                : [.. candidates.Distinct(StringComparer.Ordinal).Select(
                    name => Candidate.All.First(candidate => candidate.Is(name)))],
            [.. WorkloadList.All(Idle(result)).Where(workload => Selected(patterns, workload))],
            placements is [] ? [CpuPlan.Split] : [.. placements.Distinct(StringComparer.Ordinal)],
            result.GetValue(s_rounds),
            TimeSpan.FromSeconds(result.GetValue(s_seconds)),
            TimeSpan.FromSeconds(result.GetValue(s_warmUp)),
            cpus is [] ? CpuSet.Usable() : cpus,
            result.GetValue(s_ownLoad),
            result.GetValue(s_systemCalls),
            result.GetValue(s_markdown),
            result.GetValue(s_json),
            result.GetValue(s_baseline),
            result.GetValue(s_tolerance),
            result.GetValue(s_old));
    }

    /// <summary>Both sides need descriptors for other things, too.</summary>
    private static int Idle(ParseResult result)
        => (int)Math.Min(result.GetValue(s_idle), Interop.Sys.DescriptorLimit() - 1000);

    private static bool Selected(string[] patterns, Workload workload) => patterns is []
        ? !workload.OnlyIfNamed
        : patterns.Any(pattern => Matches(pattern, workload));

    private static bool Matches(string pattern, Workload workload)
        => pattern is "all" || FileSystemName.MatchesSimpleExpression(pattern, workload.Name, ignoreCase: false);

    private static Option<string[]> Names(string name, string description)
        => new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    private static Option<int> Number(string name, int normal, int least, int most, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => normal };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: string text }]
                && int.TryParse(text, CultureInfo.InvariantCulture, out int value)
                && (value < least || value > most))
            {
                result.AddError($"{name} must be between {Text(least)} and {Text(most)}, not {Text(value)}.");
            }
        });
        return option;
    }

    private static void Check(Option<string[]> option, Func<string, bool> isValid, string complaint)
        => option.Validators.Add(result =>
    {
        foreach (string name in Split(result.Tokens.Select(token => token.Value)).Where(name => !isValid(name)))
        {
            result.AddError($"{option.Name}: '{name}' {complaint}.");
        }
    });

    private static string[] Values(SymbolResult result, Option<string[]> option)
        => [.. Split(result.GetValue(option) ?? [])];

    private static string[] Values(ParseResult result, Option<string[]> option)
        => [.. Split(result.GetValue(option) ?? [])];

    private static IEnumerable<string> Split(IEnumerable<string> values)
        => values.SelectMany(
            value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
