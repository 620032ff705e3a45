using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>What the documents call by its name is there under that name.</summary>
public sealed partial class DocumentNameTests
{
    private const string Design = "docs/design/";

    /// <summary>A decision may name what it has removed.</summary>
    private const string Decisions = "docs/design/decisions/";

    /// <summary>Names what there was.</summary>
    private const string Changes = "CHANGELOG.md";

    [Fact]
    public void Types_and_members_that_the_design_names_are_in_the_code()
    {
        HashSet<string> words = [.. Repository.Files(".cs").SelectMany(WordsOf)];

        Assert.Empty(
            from file in Repository.Files(".md")
            where IsUnder(file, Design) && !IsUnder(file, Decisions)
            from code in CodeIn(file)
            from Match name in Names().Matches(code)
            where !words.Contains(name.Value)
            select $"{file}: {code}");
    }

    [Fact]
    public void Metrics_that_documents_name_are_in_the_list()
    {
        HashSet<string> listed = [.. CodeIn("docs/observability.md")];

        Assert.Empty(
            from file in Repository.Files(".md")
            where file is not Changes
            from code in CodeIn(file)
            where Metrics().IsMatch(code) && !listed.Contains(code)
            select $"{file}: {code}");
    }

    private static bool IsUnder(string file, string folder) => file.StartsWith(folder, StringComparison.Ordinal);

    private static IEnumerable<string> WordsOf(string file)
        => Words().Matches(Read(file)).Select(match => match.Value);

    private static IEnumerable<string> CodeIn(string file)
        => CodeSpans().Matches(Fenced().Replace(Read(file), "")).Select(match => match.Groups["code"].Value);

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    [GeneratedRegex(@"\w+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Words();

    /// <summary>A field, or a name with small letters after its first: constants of the kernel have none.</summary>
    [GeneratedRegex(
        @"\b(_[a-z]\w+|[A-Z]\w*[a-z]\w*)\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Names();

    [GeneratedRegex(@"^fdm\.[a-z_.]+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Metrics();

    [GeneratedRegex(@"`(?<code>[^`\n]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeSpans();

    [GeneratedRegex(
        "^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Fenced();
}
