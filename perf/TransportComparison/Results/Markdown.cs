using System.Globalization;
using System.Linq;
using System.Text;

namespace KestrelFdmTransport.TransportComparison.Results;

internal static class Markdown
{
    internal static string Of(Report report, Report? baseline)
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{report.Machine}. {report.Method}. {report.Started:yyyy-MM-dd HH:mm} UTC.\n\n");
        text.Append(
            "Medians, ± half the distance of the quartiles; ratios with 95 % bootstrap intervals of the paired "
                + "rounds.\n\n");
        text.Append("## Summary\n\n");
        Append(text, Tabulation.Summary(report, baseline));
        foreach (WorkloadResult result in report.Workloads)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"\n## {result.Workload}, {result.Placement}\n\n{Caption(result)}\n\n");
            Append(text, Tabulation.Of(result));
            foreach (string refusal in result.Refusals)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n{refusal}\n");
            }
        }

        return text.ToString();
    }

    internal static string Caption(WorkloadResult result)
        => $"{result.Description}. Load: {result.Tool}. Ratios: × {result.Reference}.";

    private static void Append(StringBuilder text, Tabulation table)
    {
        AppendRow(text, table.Columns);
        AppendRow(text, [.. table.Columns.Select((_, i) => i == 0 ? "---" : "---:")]);
        table.Rows.ForEach(row => AppendRow(text, row));
    }

    private static void AppendRow(StringBuilder text, System.Collections.Generic.List<string> cells)
        => text.Append("| ")
            .AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", System.StringComparison.Ordinal)))
            .Append(" |\n");
}
