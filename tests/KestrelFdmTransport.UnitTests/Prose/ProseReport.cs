using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A list for those who clean up: how many violations each file has, and where.</summary>
internal static class ProseReport
{
    public static void WriteIfWanted(IReadOnlyCollection<Violation> violations)
    {
        if (Environment.GetEnvironmentVariable("PROSE_REPORT") is { Length: > 0 } path)
        {
            File.WriteAllLines(path, Lines(violations));
        }
    }

    private static IEnumerable<string> Lines(IReadOnlyCollection<Violation> violations)
    {
        yield return $"{violations.Count} violations";
        foreach (IGrouping<string, Violation> file in ByFile(violations).OrderByDescending(file => file.Count()))
        {
            IEnumerable<KeyValuePair<ProseRule, int>> counts = file.CountBy(violation => violation.Rule);
            string rules = string.Join(", ", counts.Select(count => $"{count.Key} {count.Value}"));
            yield return $"{file.Count(),6} {file.Key}: {rules}";
        }

        foreach (IGrouping<string, Violation> file in ByFile(violations))
        {
            yield return "";
            foreach (Violation violation in file.OrderBy(violation => violation.Line))
            {
                yield return violation.ToString();
            }
        }
    }

    private static IEnumerable<IGrouping<string, Violation>> ByFile(IEnumerable<Violation> violations)
        => violations.GroupBy(violation => violation.File, StringComparer.Ordinal);
}
