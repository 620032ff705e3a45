using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A word that does not come back, and what to write instead.</summary>
internal sealed class RetiredWord(string pattern, string proposal)
{
    private const string Actor = "name the actor: the thread that …, the gate holder, the caller";
    private const string Pause = "pause; wait; cooldown";
    private const string Report = "report; notify; log; say";
    private const string Cache = "cache";
    private const string Move = "migrate, migration";
    private const string Slow = "slow";

    private static readonly RetiredWord[] s_all =
    [
        new("whoever", Actor),
        new("(some|no|any|every)body", Actor),
        new("whatever", "name the thing; every … that; regardless of"),
        new("so (many|much)", "the number; the maximum; this often"),
        new("told", Report),
        // "Cannot tell them apart" is plain English.
        new(@"tell(s|ing)?(?!\s+(\S+\s+){0,6}(apart|from)\b)", Report),
        new("rest(ed|ing)", Pause),
        new(@"rests(?!\s+(on|with)\b)", Pause),
        // Not "the rest" and not REST.
        new(
            @"(a|an|to|it|they|that|which|and|may|must|can|will|should|each|every|short(er)?|long(er)?)\s+(?-i:rest)(?!\s+of\b)",
            Pause),
        new("newcomers?", "new connection"),
        new("foreign(?! key)", "user code; another thread"),
        new("hoard(s|ed|ing)?", Cache),
        new("(?<!e-)mail(s|ed|box|boxes)?", "command, command queue; post"),
        new("harvest(s|ed|ing)?", "poll"),
        new(@"e?migrants?", Move),
        new("emigrat(e|es|ed|ing|ion)", Move),
        new("posthumous(ly)?", "after the loop has stopped"),
        new("errands?", "pending work"),
        new("dear(er|est|ly)?", Slow),
        new("gentl(e|y)", "without preempting"),
        new(@"in\s+peace", "leave it out"),
        new(@"ask(s|ed|ing)?\s+on\b(?! behalf)", "ask again; keep asking"),
        new("he|his|him|himself|she|her|herself", "it, its; they, their"),
        new(@"blocking[-\s]lanes?", "blocking pool"),
        new("hand-?overs?|hand overs", "hand-off"),
    ];

    private readonly Regex _regex = new(
        $@"(?<!\w)({pattern.Replace(" ", @"\s+", StringComparison.Ordinal)})(?!\w)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(10));

    public string Proposal { get; } = proposal;

    public static IEnumerable<(int Offset, string Word, string Proposal)> FindAll(string text)
        => from word in s_all
           from Match match in word._regex.Matches(text)
           orderby match.Index
           select (match.Index, match.Value, word.Proposal);
}
