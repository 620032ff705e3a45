using System;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>Sources where old violations are still being mended. This list only shrinks.</summary>
internal static class NotYetClean
{
    private static readonly (string Path, ProseRule Rules)[] s_places =
    [
        ("perf/", ProseRule.LineLength | ProseRule.SentenceLength | ProseRule.Words),
        ("samples/", ProseRule.LineLength | ProseRule.SentenceLength | ProseRule.Words),
        ("src/", ProseRule.LineLength | ProseRule.SentenceLength | ProseRule.Words),
        ("tests/", ProseRule.LineLength | ProseRule.Words),
    ];

    public static bool Excuses(Violation violation)
        => s_places.Any(place => place.Rules.HasFlag(violation.Rule)
            && violation.File.StartsWith(place.Path, StringComparison.Ordinal)
            && violation.File.EndsWith(".cs", StringComparison.Ordinal));
}
