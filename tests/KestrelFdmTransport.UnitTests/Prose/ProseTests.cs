using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>Documents, comments, log texts and names of tests keep the rules of CONTRIBUTING.md.</summary>
public sealed class ProseTests
{
    private static readonly Violation[] s_violations = CheckAndReport();

    [Fact]
    public void Lines_are_no_longer_than_a_screen_is_wide() => AssertKept(ProseRule.LineLength);

    [Fact]
    public void No_sentence_is_longer_than_40_words() => AssertKept(ProseRule.SentenceLength);

    [Fact]
    public void A_document_has_at_most_25_words_a_sentence_on_average() => AssertKept(ProseRule.MeanSentenceLength);

    [Fact]
    public void Words_that_were_replaced_do_not_come_back() => AssertKept(ProseRule.Words);

    private static void AssertKept(ProseRule rule)
    {
        Violation[] violations = [.. s_violations.Where(violation => violation.Rule == rule)];
        Assert.True(violations.Length == 0, string.Join('\n', violations.AsEnumerable()));
    }

    private static Violation[] CheckAndReport()
    {
        Violation[] violations = ProseCheck.CheckRepository();
        ProseReport.WriteIfWanted(violations);
        return violations;
    }
}
