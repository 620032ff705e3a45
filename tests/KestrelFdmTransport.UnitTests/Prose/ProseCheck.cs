using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using KestrelFdmTransport.UnitTests.Infrastructure;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>The rules for what people read: short lines, short sentences, plain words.</summary>
internal static class ProseCheck
{
    public const int CodeColumns = 120;

    private const int ProseColumns = 100;
    private const int CellColumns = 80;
    private const int MaxWords = 40;
    private const int MaxMeanWords = 25;

    /// <summary>Names the words and the long sentences that it looks for.</summary>
    private const string OwnFolder = "tests/KestrelFdmTransport.UnitTests/Prose/";

    public static Violation[] CheckRepository()
        => [.. Repository.Files(".md").SelectMany(CheckFile), .. Repository.Files(".cs").SelectMany(CheckFile)];

    private static IEnumerable<Violation> CheckFile(string file)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, file));
        return file.EndsWith(".md", StringComparison.Ordinal) ? CheckDocument(file, text) : CheckSource(file, text);
    }

    public static IEnumerable<Violation> CheckDocument(string file, string text)
    {
        MarkdownDocument document = new(text);
        return LongLines(file, document.ProseLines, ProseColumns)
            .Concat(LongLines(file, document.Cells, CellColumns))
            .Concat(LongSentences(file, document.Passages))
            .Concat(LongOnAverage(file, document.Passages))
            .Concat(RetiredWords(file, document.Passages));
    }

    public static IEnumerable<Violation> CheckSource(string file, string text)
    {
        CSharpSource source = new(text);
        Passage[] comments = [.. source.Comments()];
        IEnumerable<Passage> read = comments;
        if (file.StartsWith("src/", StringComparison.Ordinal))
        {
            read = read.Concat(source.Strings());
        }
        else if (file.StartsWith("tests/", StringComparison.Ordinal))
        {
            read = read.Concat(source.TestNames());
        }

        IEnumerable<Violation> violations = LongLines(file, source.Lines, CodeColumns)
            .Where(violation => !source.IsUnbreakable(violation.Line));
        return file.StartsWith(OwnFolder, StringComparison.Ordinal)
            ? violations
            : violations.Concat(LongSentences(file, comments)).Concat(RetiredWords(file, read));
    }

    private static IEnumerable<Violation> LongLines(
        string file,
        IEnumerable<(int Number, string Text)> lines,
        int columns)
        => from line in lines
           where line.Text.Length > columns
           let message = $"{line.Text.Length} columns, at most {columns}"
           select new Violation(ProseRule.LineLength, file, line.Number, message);

    private static IEnumerable<Violation> LongSentences(string file, IEnumerable<Passage> passages)
        => from passage in passages
           from sentence in Sentence.Split(passage.Text)
           where sentence.Words > MaxWords
           let message = $"{sentence.Words} words, at most {MaxWords}: {sentence.Text[..40].ReplaceLineEndings(" ")}…"
           select new Violation(ProseRule.SentenceLength, file, passage.LineOf(sentence.Offset), message);

    private static IEnumerable<Violation> LongOnAverage(string file, IEnumerable<Passage> passages)
    {
        int[] lengths =
        [
            .. from passage in passages
               where passage.Kind == PassageKind.Text
               from sentence in Sentence.Split(passage.Text)
               select sentence.Words,
        ];
        if (lengths.Length > 0 && lengths.Average() is > MaxMeanWords and double mean)
        {
            string message = $"{mean:0.0} words a sentence on average, at most {MaxMeanWords}";
            yield return new Violation(ProseRule.MeanSentenceLength, file, 1, message);
        }
    }

    private static IEnumerable<Violation> RetiredWords(string file, IEnumerable<Passage> passages)
        => from passage in passages
           from found in RetiredWord.FindAll(passage.Text)
           let message = $"\"{found.Word.ReplaceLineEndings(" ")}\" → {found.Proposal}"
           select new Violation(ProseRule.Words, file, passage.LineOf(found.Offset), message);
}
