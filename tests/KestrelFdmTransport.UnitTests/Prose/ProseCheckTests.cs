using System;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>The checker itself: what it takes for a sentence, for prose and for a retired word.</summary>
public sealed class ProseCheckTests
{
    [Theory]
    [InlineData("One. Two", 1, 1)]
    [InlineData("It waits (as ever). Then\nit reads.", 4, 3)]
    [InlineData("Formats, e.g. JSON, and others.", 5)]
    [InlineData("Version 1.5 of \uFFFC. \uFFFC reads — and writes.", 4, 4)]
    [InlineData("A well-known word? Yes! No.", 3, 1, 1)]
    [InlineData("It returns. epoll_wait blocks.", 2, 2)]
    public void A_text_is_split_into_sentences(string text, params int[] words)
        => Assert.Equal(words, Sentence.Split(text).Select(sentence => sentence.Words));

    [Theory]
    [InlineData("The rest of the bytes rests on the rules.")]
    [InlineData("REST and a foreign key, by e-mail.")]
    [InlineData("It cannot tell one from the other, or tell them apart.")]
    [InlineData("This and the others hand over a block.")]
    public void A_word_with_another_meaning_may_stay(string text) => Assert.Empty(RetiredWord.FindAll(text));

    [Theory]
    [InlineData("Accepting rests for a moment.", "rests")]
    [InlineData("After a rest it tells the loop.", "tells", "a rest")]
    [InlineData("Foreign code is told so\nmany things.", "told", "so\nmany", "Foreign")]
    [InlineData("a hand-over by mail", "hand-over", "mail")]
    public void A_retired_word_is_found(string text, params string[] words)
    {
        string[] found = [.. RetiredWord.FindAll(text).Select(found => found.Word).Order(StringComparer.Ordinal)];

        Assert.Equal([.. words.Order(StringComparer.Ordinal)], found);
    }

    [Fact]
    public void A_document_is_split_into_paragraphs_items_and_cells()
    {
        const string Text = """
            # Title

            A line with `some
            code` and [a link](https://example.org/a_b).
            - One item
              of two lines
            2. Another

            | Cell | `a|b` | [link](x.md) |
            |------|---|---|

            ```sh
            nobody reads this
            ```
            <!-- nor
            this -->
            Last https://example.org/
            """;

        MarkdownDocument document = new(Text);

        string[] passages = [.. document.Passages.Select(passage => passage.Text)];
        Assert.Equal(["Title", "A line with \uFFFC\n and a link.", "One item\nof two lines", "Another"], passages[..4]);
        Assert.Equal(["Cell", "\uFFFC", "link", "Last \uFFFC"], passages[4..]);
        Assert.Equal([1, 3, 5, 7, 9, 9, 9, 17], document.Passages.Select(passage => passage.Line));
        Assert.Equal([3, 4, 5, 6, 17], document.ProseLines.Select(line => line.Number));
        Assert.Equal<string[]>(["Cell", "`a b`", "link"], [.. document.Cells.Select(cell => cell.Text)]);
    }

    [Fact]
    public void A_source_is_split_into_comments_and_strings()
    {
        const string Text = """"
            /// <summary>Says <see cref="A"/>
            /// and <c>b</c>.</summary>
            /// <returns>C.</returns>
            void Some_test() { // one
                // two
                // lines
                Use("// no comment", '"', @"a""b", $"{x + "y"} // {{z", """raw " // text"""); /* three */
            #pragma it's
            }
            """";

        CSharpSource source = new(Text);
        (int, string)[] comments = [.. source.Comments().Select(passage => (passage.Line, passage.Text.Trim()))];

        Assert.Equal(
            [(1, "Says \uFFFC\nand \uFFFC."), (3, "C."), (4, "one"), (5, "two\nlines"), (7, "three")],
            comments);
        Assert.Equal(4, source.Strings().Count());
        Assert.Equal("Some test", Assert.Single(source.TestNames()).Text);
    }

    [Fact]
    public void A_violation_names_its_place_and_a_proposal()
    {
        Violation violation = Assert.Single(ProseCheck.CheckDocument("a.md", "Fine.\n\nIt,\nor whoever.\n"));

        string text = violation.ToString();
        Assert.StartsWith("a.md:4: Words: \"whoever\" → name the actor", text, StringComparison.Ordinal);
    }
}
