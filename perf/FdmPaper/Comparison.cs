using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using KestrelFdmTransport.FdmPaper.Client;
using KestrelFdmTransport.FdmPaper.Interop;
using KestrelFdmTransport.FdmPaper.Reporting;
using KestrelFdmTransport.FdmPaper.Servers;
using Spectre.Console;
using Table = KestrelFdmTransport.FdmPaper.Reporting.Table;

namespace KestrelFdmTransport.FdmPaper;

/// <summary>The whole run.</summary>
internal sealed class Comparison
{
    /// <summary>What a process needs beside its connections.</summary>
    private const int OtherDescriptors = 200;

    internal required Plan Plan { get; init; }

    internal required int SleepThreshold { get; init; }

    /// <returns>The tables as Markdown.</returns>
    internal string Run()
    {
        (Plan plan, string? note) = Fitted(Plan, Sys.RaiseDescriptorLimit() - Plan.Active - OtherDescriptors);
        int[] cpus = Sys.UsableCpus();
        bool pins = cpus.Length > 1;
        var servers = new List<ServerProcess>();
        try
        {
            foreach (string name in ServerKind.All)
            {
                var server = new ServerProcess(name, SleepThreshold, pins ? cpus[0] : -1);
                servers.Add(server);
                server.Stop();
            }

            if (pins)
            {
                Sys.PinThread(cpus[1]);
            }

            var harness = new Harness(plan, servers);
            harness.Run(static line => AnsiConsole.MarkupLineInterpolated($"[grey]{line}[/]"));
            Table[] tables = [.. Report.Of(plan, harness)];
            string heading = Heading(plan, pins) + note + Disturbance(harness.Waited());
            AnsiConsole.WriteLine(heading);
            Array.ForEach(tables, Output.Show);
            return Output.Markdown(heading, tables);
        }
        finally
        {
            servers.ForEach(static server => server.Dispose());
        }
    }

    /// <summary>Server and client each need a descriptor per connection.</summary>
    private static (Plan Fitted, string? Note) Fitted(Plan plan, long most)
    {
        if (plan.Idle.Append(plan.LoadedIdle).Max() <= most)
        {
            return (plan, null);
        }

        Plan fitted = plan with
        {
            Idle = [.. plan.Idle.Where(idle => idle <= most)],
            LoadedIdle = (int)Math.Min(plan.LoadedIdle, most)
        };
        return (fitted, $" The limit of open files allows {most} idle connections; the rest is left out.");
    }

    private static string Disturbance(double waited)
    {
        const double Quiet = 0.05;
        string share = waited.ToString("0 %", CultureInfo.InvariantCulture);
        return $" Server and client together waited {share} of the time for a CPU that others used."
            + (waited > Quiet
                ? " That is too much to trust requests/s and response times; CPU per request suffers less."
                : null);
    }

    private string Heading(Plan plan, bool pins) => string.Create(
        CultureInfo.InvariantCulture,
        $"Medians of {plan.Rounds} interleaved rounds of {plan.Duration.TotalSeconds} s; {plan.Active} active "
            + $"connections, replies of 1 KB, N = 3, sleep threshold {SleepThreshold}; "
            + $"{(pins ? "server on one CPU, client on another" : "server and client share the CPU")}.");
}
