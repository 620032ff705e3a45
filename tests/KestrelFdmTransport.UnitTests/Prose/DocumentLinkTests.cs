using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A link inside the repository leads to a file, and its anchor to a heading of that file.</summary>
public sealed partial class DocumentLinkTests
{
    private static readonly ConcurrentDictionary<string, HashSet<string>> s_anchors = new(StringComparer.Ordinal);

    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading()
        => Assert.Empty(
            from file in Repository.Files(".md")
            from Match link in Links().Matches(WithoutCode(Read(file)))
            let address = link.Groups["address"].Value
            where !Leads(file, address)
            select $"{file}: {address}");

    [Theory]
    [InlineData("# The descriptor invariant", "the-descriptor-invariant")]
    [InlineData("## `EMFILE`", "emfile")]
    [InlineData("### `PollingSets`, `HotGap`, `WarmGap`", "pollingsets-hotgap-warmgap")]
    [InlineData("## See [input](input.md) and ~10 ms", "see-input-and-10-ms")]
    [InlineData("## Twice\n## Twice", "twice-1")]
    public void A_heading_has_the_anchor_that_the_page_will_have(string text, string anchor)
        => Assert.Contains(anchor, Anchors(text), StringComparer.Ordinal);

    private static bool Leads(string file, string address)
    {
        if (address.Contains("://", StringComparison.Ordinal))
        {
            return true;
        }

        string[] parts = address.Split('#', 2);
        string target = parts[0].Length == 0
            ? file
            : Path.GetRelativePath(
                Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(file)!, parts[0]));
        string path = Path.Combine(Repository.Root, target);
        return parts.Length == 1
            ? Path.Exists(path)
            : File.Exists(path) && s_anchors.GetOrAdd(target, static name => AnchorsOf(name)).Contains(parts[1]);
    }

    private static HashSet<string> AnchorsOf(string file) => Anchors(Read(file)).ToHashSet(StringComparer.Ordinal);

    /// <summary>As GitHub and most generators make them.</summary>
    private static IEnumerable<string> Anchors(string text)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (Match heading in Headings().Matches(Fenced().Replace(text, "")))
        {
            string shown = Links().Replace(heading.Groups["text"].Value, "${text}");
            string anchor = Dropped().Replace(shown, "").Trim().Replace(' ', '-').ToLowerInvariant();
            int before = seen.GetValueOrDefault(anchor);
            seen[anchor] = before + 1;
            yield return before == 0 ? anchor : $"{anchor}-{before}";
        }
    }

    private static string WithoutCode(string text) => CodeSpans().Replace(Fenced().Replace(text, ""), "");

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    [GeneratedRegex(
        @"\[(?<text>[^\]]*)\]\((?<address>[^)\s]+)\)",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Links();

    [GeneratedRegex(
        "^#{1,6} +(?<text>.+?)[ \r]*$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Headings();

    [GeneratedRegex(@"[^\w\s-]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Dropped();

    [GeneratedRegex("`[^`\n]+`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeSpans();

    [GeneratedRegex(
        "^ *```.*?^ *```",
        RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Fenced();
}
