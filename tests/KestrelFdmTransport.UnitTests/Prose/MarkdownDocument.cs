using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>The passages of a document, and its lines that are prose.</summary>
internal sealed partial class MarkdownDocument
{
    private readonly List<Passage> _passages = [];
    private readonly List<(int Number, string Text)> _proseLines = [];
    private readonly List<(int Number, string Text)> _cells = [];
    private readonly List<string> _open = [];
    private int _openedAt;
    private string? _skipUntil;

    public MarkdownDocument(string text)
    {
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            Add(++number, line);
        }

        Close();
    }

    public IReadOnlyList<Passage> Passages => _passages;

    /// <summary>Lines that could be broken elsewhere: not those of tables and code.</summary>
    public IReadOnlyList<(int Number, string Text)> ProseLines => _proseLines;

    /// <summary>Cells of tables as a reader sees them, without the addresses of links.</summary>
    public IReadOnlyList<(int Number, string Text)> Cells => _cells;

    private void Add(int number, string line)
    {
        string trimmed = Quotes().Replace(line, "").Trim();
        if (_skipUntil is not null)
        {
            if (trimmed.Contains(_skipUntil, StringComparison.Ordinal))
            {
                _skipUntil = null;
            }
        }
        else if (Fences().Match(trimmed) is { Success: true } fence)
        {
            Close();
            _skipUntil = fence.Value;
        }
        else if (trimmed.StartsWith("<!--", StringComparison.Ordinal))
        {
            Close();
            _skipUntil = trimmed.Contains("-->", StringComparison.Ordinal) ? null : "-->";
        }
        else if (trimmed.Length == 0 || Definitions().IsMatch(trimmed))
        {
            Close();
        }
        else if (trimmed[0] == '|')
        {
            Close();
            AddRow(number, trimmed);
        }
        else
        {
            AddProse(number, line, trimmed);
        }
    }

    private void AddRow(int number, string row)
    {
        if (RowOfDashes().IsMatch(row))
        {
            return;
        }

        string[] cells = Bars().Split(CodeSpans().Replace(row, span => span.Value.Replace('|', ' ')));
        foreach (string cell in cells.Select(cell => cell.Trim()).Where(cell => cell.Length > 0))
        {
            _cells.Add((number, Links().Replace(cell, "${text}")));
            _passages.Add(new Passage(PassageKind.Cell, number, Plain(cell)));
        }
    }

    private void AddProse(int number, string line, string trimmed)
    {
        string content = Markers().Replace(trimmed, "");
        bool isHeading = trimmed[0] == '#';
        if (content.Length != trimmed.Length || isHeading)
        {
            Close();
        }

        if (_open.Count == 0)
        {
            _openedAt = number;
        }

        _open.Add(content);
        if (CodeSpans().Replace(content, "`").Contains(' ', StringComparison.Ordinal))
        {
            _proseLines.Add((number, line));
        }

        if (isHeading)
        {
            Close(PassageKind.Heading);
        }
    }

    private void Close(PassageKind kind = PassageKind.Text)
    {
        if (_open.Count > 0)
        {
            _passages.Add(new Passage(kind, _openedAt, Plain(string.Join('\n', _open))));
            _open.Clear();
        }
    }

    private static string Plain(string text)
    {
        text = CodeSpans().Replace(text, AsCode);
        text = Links().Replace(text, "${text}");
        text = Addresses().Replace(text, AsCode);
        return Emphasis().Replace(text, "");
    }

    private static string AsCode(Match code) => Passage.Code + new string('\n', code.ValueSpan.Count('\n'));

    [GeneratedRegex(@"^(\s*>)+ ?", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Quotes();

    [GeneratedRegex("^(```+|~~~+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Fences();

    [GeneratedRegex(@"^\[[^\]]+\]:\s", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Definitions();

    [GeneratedRegex(@"^[|:\s-]+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex RowOfDashes();

    [GeneratedRegex(@"(?<!\\)\|", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Bars();

    [GeneratedRegex(@"^([-*+]|\d+[.)]|#{1,6})\s+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Markers();

    [GeneratedRegex(
        @"(?<ticks>`+)(?!`).*?(?<!`)\k<ticks>(?!`)",
        RegexOptions.Singleline,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeSpans();

    [GeneratedRegex(
        @"!?\[(?<text>[^\]]*)\](\([^)]*\)|\[[^\]]*\])",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Links();

    [GeneratedRegex(@"<?https?://[^\s>)]+>?", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Addresses();

    [GeneratedRegex(@"\*+|(?<!\w)_+|_+(?!\w)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Emphasis();
}
