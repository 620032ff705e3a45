using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A figure is the same on every page that has it.</summary>
public sealed partial class DocumentFigureTests
{
    private static readonly string s_performance = Read("docs/performance.md");

    [Fact]
    public void Figures_of_the_front_page_are_those_of_the_performance_page()
    {
        string[] figures = [.. Bold().Matches(Read("README.md")).Select(match => match.Value)];

        Assert.Equal(3, figures.Length);
        Assert.All(figures, figure => Assert.Contains(figure, s_performance, StringComparison.Ordinal));
    }

    [Fact]
    public void Figures_of_the_performance_page_are_those_of_the_evidence()
    {
        string evidence = Read("docs/evidence/benchmarks.md").Replace("*", "", StringComparison.Ordinal);
        string summary = s_performance.Replace("*", "", StringComparison.Ordinal);
        string[] figures = [.. Intervals().Matches(summary).Select(match => match.Value)];

        Assert.NotEmpty(figures);
        Assert.All(figures, figure => Assert.Contains(figure, evidence, StringComparison.Ordinal));
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    [GeneratedRegex(@"\*\*[\d.]+\*\*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Bold();

    [GeneratedRegex(@"[\d.]+ \([\d.]+–[\d.]+\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Intervals();
}
