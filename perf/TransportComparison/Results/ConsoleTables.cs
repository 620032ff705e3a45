using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace KestrelFdmTransport.TransportComparison.Results;

internal static class ConsoleTables
{
    /// <summary>A file or a pipe gets neither colours nor the width of a narrow terminal.</summary>
    internal static void Prepare()
    {
        if (System.Console.IsOutputRedirected)
        {
            AnsiConsole.Console = AnsiConsole.Create(
                new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
            AnsiConsole.Profile.Width = 160;
        }
    }

    internal static void Show(WorkloadResult result)
    {
        AnsiConsole.Write(new Rule(Markup.Escape($"{result.Workload}, {result.Placement}")).LeftJustified());
        AnsiConsole.MarkupLineInterpolated($"{Markdown.Caption(result)}");
        Draw(Tabulation.Of(result));
        foreach (string refusal in result.Refusals)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{refusal}[/]");
        }

        Metric headline = result.HeadlineMetric;
        if (headline.RatioTitle is null)
        {
            return;
        }

        BarChart chart = new BarChart().Width(80).Label(headline.RatioTitle).LeftAlignLabel()
            .UseValueFormatter(value => value.ToString("0.00", CultureInfo.InvariantCulture));
        foreach (string name in result.Valid.Select(candidate => candidate.Candidate))
        {
            if (Tabulation.RatioOf(headline, result, name) is { } ratio && double.IsFinite(ratio.Median))
            {
                chart.AddItem(
                    name,
                    ratio.Median,
                    string.Equals(name, result.Reference, System.StringComparison.Ordinal) ? Color.Grey : Color.Green);
            }
        }

        if (chart.Data.Count > 0)
        {
            AnsiConsole.Write(chart);
        }
    }

    internal static void ShowSummary(Report report, Report? baseline)
    {
        AnsiConsole.Write(new Rule("Summary").LeftJustified());
        Draw(Tabulation.Summary(report, baseline));
    }

    private static void Draw(Tabulation content)
    {
        var table = new Table();
        for (int i = 0; i < content.Columns.Count; i++)
        {
            var column = new TableColumn(Markup.Escape(content.Columns[i]));
            table.AddColumn(i == 0 ? column : column.RightAligned());
        }

        content.Rows.ForEach(row => table.AddRow([.. row.Select(Markup.Escape)]));
        AnsiConsole.Write(table);
    }
}
