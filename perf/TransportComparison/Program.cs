using System;
using System.CommandLine;
using System.Threading;
using KestrelFdmTransport.TransportComparison;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Workloads;
using Spectre.Console;

ConsoleTables.Prepare();
RootCommand command = CommandLine.Command();
command.SetAction(async (ParseResult result, CancellationToken cancellation) =>
{
    if (result.GetValue(CommandLine.List))
    {
        Table table = new Table().AddColumns("name", "what");
        foreach (Candidate candidate in Candidate.All)
        {
            table.AddRow(candidate.Name + Mark(candidate.OnlyIfNamed), candidate.Description);
        }

        table.AddEmptyRow();
        foreach (Workload workload in WorkloadList.All(idle: 9500))
        {
            table.AddRow(workload.Name + Mark(workload.OnlyIfNamed), workload.Description);
        }

        AnsiConsole.Write(table);
        AnsiConsole.MarkupLine("* only if named");
        return 0;
    }

    try
    {
        return await new Comparison(CommandLine.Read(result)).RunAsync(cancellation);
    }
    catch (OperationCanceledException)
    {
        AnsiConsole.MarkupLine("[yellow]Stopped.[/]");
        return 130;
    }
});
return await command.Parse(args).InvokeAsync();

static string Mark(bool onlyIfNamed) => onlyIfNamed ? " *" : "";
