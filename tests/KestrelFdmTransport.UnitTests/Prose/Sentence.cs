using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A sentence of a passage, and where it begins there.</summary>
internal sealed partial record Sentence(int Offset, string Text)
{
    private static readonly string[] s_abbreviations = ["e.g.", "i.e.", "vs.", "cf.", "etc.", "approx.", "no."];

    public int Words
        => Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Count(word => word.Any(IsPartOfWord));

    public static IEnumerable<Sentence> Split(string text)
    {
        int start = 0;
        foreach (Match gap in Gaps().Matches(text))
        {
            if (!EndsWithAbbreviation(text.AsSpan(start, gap.Index - start)))
            {
                yield return new Sentence(start, text[start..gap.Index]);
                start = gap.Index + gap.Length;
            }
        }

        yield return new Sentence(start, text[start..]);
    }

    private static bool IsPartOfWord(char symbol) => char.IsLetterOrDigit(symbol) || symbol == Passage.Code;

    private static bool EndsWithAbbreviation(ReadOnlySpan<char> text)
    {
        foreach (string abbreviation in s_abbreviations)
        {
            int before = text.Length - abbreviation.Length - 1;
            if (text.EndsWith(abbreviation, StringComparison.Ordinal) && (before < 0 || !char.IsLetter(text[before])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The blanks between a full stop and something that can begin a sentence.</summary>
    [GeneratedRegex(
        """(?<=[.!?…]["'”)\]]*)\s+(?=["'“(\[]*[\p{Lu}\p{N}\uFFFC]|\.NET|\w+_)""",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Gaps();
}
