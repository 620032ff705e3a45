using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>The index has the questions of users, and the first screen of a page the answer to each.</summary>
public sealed partial class FirstScreenTests
{
    private const int Lines = 40;

    [Theory]
    [InlineData("Is it on?", "event 54 names")]
    [InlineData("What do I alert on?", "rate of `fdm.loop.accept_pauses`")]
    [InlineData("p99 went up.", "`fdm.loop.utilization` near 1")]
    [InlineData("Why do threads grow to 256?", "`MaxBlockingThreads`")]
    [InlineData("`EMFILE`", "`LimitNOFILE`")]
    [InlineData("Why did it fall back to Sockets?", "event 34 or 59")]
    [InlineData("What if my handler allocates or blocks?", "What if it allocates much?")]
    [InlineData("Where do HTTP/2 handlers run?", "on the thread pool")]
    [InlineData("Half a CPU, `pids.max`, seccomp, read-only root?", "read-only root file system")]
    [InlineData("What does 0.1 promise, for which .NET versions?", ".NET 10")]
    public void A_question_is_answered_on_the_first_screen(string question, string answer)
    {
        string row = Assert.Single(
            ReadLines("README.md"), line => line.StartsWith($"| {question}", StringComparison.Ordinal));
        string page = Pages().Match(row).Groups["page"].Value;

        Assert.Contains(
            ReadLines(page).Take(Lines), line => line.Contains(answer, StringComparison.Ordinal));
    }

    [Fact]
    public void The_front_page_and_the_questions_fit_on_one_screen()
    {
        Assert.InRange(ReadLines("../README.md").Count(), 1, 50);
        Assert.Contains(ReadLines("README.md").Take(Lines), line => line is "## By task");
    }

    private static IEnumerable<string> ReadLines(string page)
        => File.ReadLines(Path.Combine(Repository.Root, "docs", page));

    [GeneratedRegex(@"\((?<page>[a-z-]+\.md)\) \|$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Pages();
}
