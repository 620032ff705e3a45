using System;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>
/// Text that no sentence leaves: a paragraph, a list item, a comment.
/// Its line breaks are those of the file, and code in it has become a <see cref="Code"/>.
/// </summary>
internal sealed record Passage(PassageKind Kind, int Line, string Text)
{
    /// <summary>Stands for a piece of code or an address, and counts as a word.</summary>
    public const char Code = '\uFFFC';

    public int LineOf(int offset) => Line + Text.AsSpan(0, offset).Count('\n');
}
