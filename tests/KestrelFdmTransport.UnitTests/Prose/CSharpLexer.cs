using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>Finds comments and strings, and nothing else.</summary>
internal sealed class CSharpLexer
{
    private readonly List<CSharpToken> _tokens = [];
    private readonly string _text;
    private int _position;

    /// <summary>How many strings the position is inside: code in the hole of a string belongs to the string.</summary>
    private int _strings;

    private CSharpLexer(string text) => _text = text;

    private char Current => Peek(0);

    public static IReadOnlyList<CSharpToken> Read(string text)
    {
        CSharpLexer lexer = new(text);
        lexer.ReadCode(isHole: false);
        return lexer._tokens;
    }

    private void ReadCode(bool isHole)
    {
        int braces = 0;
        while (_position < _text.Length && !(isHole && braces == 0 && Current == '}'))
        {
            switch (Current)
            {
                case '/' when Peek(1) == '/':
                    bool isDocumentation = Peek(2) == '/' && Peek(3) != '/';
                    ReadTo(isDocumentation ? CSharpTokenKind.Documentation : CSharpTokenKind.Comment, '\n');
                    break;
                case '/' when Peek(1) == '*':
                    ReadBlockComment();
                    break;
                case '#' when IsFirstOnLine():
                    _position = IndexOrEnd("\n", _position);
                    break;
                case '\'':
                    _position = Peek(1) == '\\' ? IndexOrEnd("'", _position + 3) + 1 : _position + 3;
                    break;
                case '"' or '$' or '@' when IsString(out int dollars, out bool isVerbatim, out int quote):
                    ReadString(dollars, isVerbatim, quote);
                    break;
                default:
                    braces += Current switch { '{' => 1, '}' => -1, _ => 0 };
                    _position++;
                    break;
            }
        }
    }

    private void ReadBlockComment()
    {
        int start = _position;
        _position = Math.Min(_text.Length, IndexOrEnd("*/", _position + 2) + 2);
        AddToken(CSharpTokenKind.Comment, start);
    }

    private void ReadTo(CSharpTokenKind kind, char end)
    {
        int start = _position;
        _position = IndexOrEnd(end.ToString(), _position);
        AddToken(kind, start);
    }

    private bool IsString(out int dollars, out bool isVerbatim, out int quote)
    {
        dollars = 0;
        isVerbatim = false;
        for (quote = _position; quote < _text.Length; quote++)
        {
            switch (_text[quote])
            {
                case '$':
                    dollars++;
                    break;
                case '@':
                    isVerbatim = true;
                    break;
                default:
                    return _text[quote] == '"';
            }
        }

        return false;
    }

    private void ReadString(int dollars, bool isVerbatim, int quote)
    {
        int start = _position;
        _strings++;
        _position = quote;
        int quotes = CountOf('"');
        if (quotes >= 3)
        {
            ReadRaw(quotes, dollars);
        }
        else if (quotes == 2 && !isVerbatim)
        {
            _position += 2;
        }
        else
        {
            _position++;
            ReadQuoted(dollars > 0, isVerbatim);
        }

        _strings--;
        AddToken(CSharpTokenKind.String, start);
    }

    private void ReadRaw(int quotes, int dollars)
    {
        _position += quotes;
        while (_position < _text.Length)
        {
            if (CountOf('"') >= quotes)
            {
                _position += CountOf('"');
                return;
            }

            int braces = CountOf('{');
            _position += Math.Max(1, braces);
            if (dollars > 0 && braces >= dollars)
            {
                ReadCode(isHole: true);
                _position += dollars;
            }
        }
    }

    private void ReadQuoted(bool hasHoles, bool isVerbatim)
    {
        while (_position < _text.Length)
        {
            switch (Current)
            {
                case '"' when isVerbatim && Peek(1) == '"':
                case '\\' when !isVerbatim:
                case '{' when hasHoles && Peek(1) == '{':
                    _position += 2;
                    break;
                case '"':
                    _position++;
                    return;
                case '{' when hasHoles:
                    _position++;
                    ReadCode(isHole: true);
                    break;
                default:
                    _position++;
                    break;
            }
        }
    }

    private void AddToken(CSharpTokenKind kind, int start)
    {
        if (_strings == 0)
        {
            _tokens.Add(new CSharpToken(kind, start, Math.Min(_position, _text.Length)));
        }
    }

    private bool IsFirstOnLine()
    {
        int lineStart = _text.AsSpan(0, _position).LastIndexOf('\n') + 1;
        return _text.AsSpan(lineStart, _position - lineStart).IsWhiteSpace();
    }

    private char Peek(int ahead) => _position + ahead < _text.Length ? _text[_position + ahead] : '\0';

    private int CountOf(char symbol)
    {
        int length = _text.AsSpan(_position).IndexOfAnyExcept(symbol);
        return length < 0 ? _text.Length - _position : length;
    }

    private int IndexOrEnd(string text, int from)
    {
        int index = from < _text.Length ? _text.IndexOf(text, from, StringComparison.Ordinal) : -1;
        return index < 0 ? _text.Length : index;
    }
}
