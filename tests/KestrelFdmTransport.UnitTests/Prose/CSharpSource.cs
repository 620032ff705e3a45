using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>The passages of a source file: comments, documentation, strings and the names of tests.</summary>
internal sealed partial class CSharpSource
{
    private const char PassageEnd = '\u001E';

    private readonly string _text;
    private readonly IReadOnlyList<CSharpToken> _tokens;
    private readonly List<int> _lineStarts = [0];

    public CSharpSource(string text)
    {
        _text = text;
        _tokens = CSharpLexer.Read(text);
        _lineStarts.AddRange(text.Index().Where(symbol => symbol.Item == '\n').Select(symbol => symbol.Index + 1));
    }

    public IEnumerable<(int Number, string Text)> Lines => _text.Split('\n').Select((line, index) => (index + 1, line));

    /// <summary>Neighbouring lines of a comment are one text.</summary>
    public IEnumerable<Passage> Comments()
    {
        int index = 0;
        while (index < _tokens.Count)
        {
            CSharpToken first = _tokens[index];
            List<string> lines = [Content(first)];
            while (++index < _tokens.Count && Continues(_tokens[index - 1], _tokens[index]))
            {
                lines.Add(Content(_tokens[index]));
            }

            if (first.Kind != CSharpTokenKind.String)
            {
                string text = string.Join('\n', lines);
                foreach (Passage passage in Split(LineOf(first.Start), Plain(text, first.Kind)))
                {
                    yield return passage;
                }
            }
        }
    }

    public IEnumerable<Passage> Strings()
        => from token in _tokens
           where token.Kind == CSharpTokenKind.String
           let text = Holes().Replace(_text[token.Start..token.End], AsCode)
           select new Passage(PassageKind.Message, LineOf(token.Start), text);

    /// <summary>A test's name is a sentence, with an underscore between its words.</summary>
    public IEnumerable<Passage> TestNames()
        => from Match match in Methods().Matches(_text)
           let name = match.Groups["name"]
           select new Passage(PassageKind.TestName, LineOf(name.Index), name.Value.Replace('_', ' '));

    /// <summary>Whether no line break can be put into what stands on the line.</summary>
    public bool IsUnbreakable(int line)
    {
        int start = _lineStarts[line - 1];
        int end = line < _lineStarts.Count ? _lineStarts[line] - 1 : _text.Length;
        return _tokens.Any(token => token.Start < start
            ? token.Kind == CSharpTokenKind.String && token.End > start
            : token.Start < end && IsUnbreakable(_text[token.Start..token.End]));
    }

    private static bool IsUnbreakable(string token)
        => token.Split(' ').Any(part => part.Length > ProseCheck.CodeColumns * 3 / 4);

    private bool Continues(CSharpToken previous, CSharpToken next)
        => previous.Kind != CSharpTokenKind.String
        && previous.Kind == next.Kind
        && _text.AsSpan(previous.End, next.Start - previous.End).IsWhiteSpace()
        && LineOf(next.Start) == LineOf(previous.End) + 1
        && IsFirstOnLine(previous);

    private bool IsFirstOnLine(CSharpToken token)
    {
        int lineStart = _lineStarts[LineOf(token.Start) - 1];
        return _text.AsSpan(lineStart, token.Start - lineStart).IsWhiteSpace();
    }

    private string Content(CSharpToken token) => CommentMarks().Replace(_text[token.Start..token.End], "");

    private static IEnumerable<Passage> Split(int line, string text)
    {
        foreach (string part in text.Split(PassageEnd))
        {
            if (!string.IsNullOrWhiteSpace(part))
            {
                yield return new Passage(PassageKind.Comment, line, part);
            }

            line += part.AsSpan().Count('\n');
        }
    }

    private static string Plain(string text, CSharpTokenKind kind)
    {
        if (kind == CSharpTokenKind.Documentation)
        {
            text = CodeBlocks().Replace(text, block => PassageEnd + NewLines(block));
            text = CodeElements().Replace(text, AsCode);
            text = Elements().Replace(text, element => PassageEnd + NewLines(element));
            text = Entities().Replace(text, AsCode);
        }

        text = Addresses().Replace(text, AsCode);
        return Beginnings().Replace(text, beginning => PassageEnd + beginning.Value);
    }

    private static string AsCode(Match code) => Passage.Code + NewLines(code);

    private static string NewLines(Match match) => new('\n', match.ValueSpan.Count('\n'));

    private int LineOf(int offset)
    {
        int index = _lineStarts.BinarySearch(offset);
        return index >= 0 ? index + 1 : ~index;
    }

    [GeneratedRegex(@"^(///?|/\*+) ?|\*+/$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CommentMarks();

    [GeneratedRegex("<code>.*?</code>", RegexOptions.Singleline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeBlocks();

    [GeneratedRegex(
        @"<(?<name>c|see)\b[^>]*(?<!/)>.*?</\k<name>>|<(see|paramref|typeparamref)\b[^>]*/>",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CodeElements();

    [GeneratedRegex("</?[a-z][^>]*>", RegexOptions.Singleline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Elements();

    [GeneratedRegex("&[a-z]+;", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Entities();

    [GeneratedRegex(@"https?://\S+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Addresses();

    /// <summary>List items, and lines that are empty or indented as code.</summary>
    [GeneratedRegex(
        @"^ *([-*+]|\d+[.)]) |^ *$|^ {4}",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Beginnings();

    [GeneratedRegex(@"\{[^{}]*\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Holes();

    [GeneratedRegex(
        @"\b(void|Task|ValueTask)\s+(?<name>\p{Lu}\w*_\w+)\s*\(",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Methods();
}
