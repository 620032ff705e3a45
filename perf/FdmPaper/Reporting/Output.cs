using System.Collections.Generic;
using System.Linq;
using System.Text;
using Spectre.Console;

namespace KestrelFdmTransport.FdmPaper.Reporting;

/// <summary>Tables on the console and as Markdown.</summary>
internal static class Output
{
    internal static void Show(Table table)
    {
        var shown = new Spectre.Console.Table { Title = new TableTitle(Markup.Escape(table.Title)) };
        shown.AddColumns(
            [.. table.Headers.Select(static header => new TableColumn(Markup.Escape(header)).RightAligned())]);
        foreach (IReadOnlyList<string> row in table.Rows)
        {
            shown.AddRow([.. row.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(shown);
    }

    internal static string Markdown(string heading, IEnumerable<Table> tables)
    {
        var text = new StringBuilder(heading).Append('\n');
        foreach (Table table in tables)
        {
            text.Append('\n').Append(table.Title).Append("\n\n");
            AppendRow(table.Headers);
            AppendRow([.. table.Headers.Select(static _ => "---:")]);
            foreach (IReadOnlyList<string> row in table.Rows)
            {
                AppendRow(row);
            }
        }

        return text.ToString();

        void AppendRow(IReadOnlyList<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }
}
