using System;
using System.IO;
using System.Linq;
using System.Reflection;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>An option has a property, a row of the table, a section of the page, and a key in its sample.</summary>
public sealed class OptionsTableTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "options.md"));

    [Fact]
    public void Every_property_has_a_row()
        => Assert.Equal(
            typeof(FdmTransportOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Select(property => property.Name)
                .Order(StringComparer.Ordinal),
            OptionsTable.Names.Order(StringComparer.Ordinal),
            StringComparer.Ordinal);

    [Fact]
    public void What_may_differ_by_endpoint_is_what_its_type_has_and_the_page_lists()
    {
        string[] names = [.. typeof(FdmEndpointOptions).GetProperties().Select(property => property.Name)
            .Order(StringComparer.Ordinal)];

        Assert.Equal(
            names.Except([nameof(FdmEndpointOptions.CreateBoundListenSocket)], StringComparer.Ordinal),
            OptionsTable.ConfigurableEndpointNames.Order(StringComparer.Ordinal),
            StringComparer.Ordinal);
        string section = s_page.Split("\n## ").Single(
            part => part.StartsWith("By endpoint\n", StringComparison.Ordinal));
        Assert.All(OptionsTable.Names, name => Assert.Equal(
            names.Contains(name, StringComparer.Ordinal),
            section.Contains($"`{name}`", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_option_has_a_section_of_the_page()
    {
        string[] headings = [.. s_page.Split('\n').Where(line => line.StartsWith("### ", StringComparison.Ordinal))];
        Assert.All(
            OptionsTable.Names,
            name => Assert.Contains(headings, heading => heading.Contains($"`{name}`", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_design_overview_says_who_reads_each_option()
    {
        string overview = File.ReadAllText(Path.Combine(Repository.Root, "docs", "design", "overview.md"));
        Assert.All(
            OptionsTable.Names, name => Assert.Contains($"\n| `{name}`", overview, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_key_is_in_the_sample_of_the_page()
        => Assert.All(
            OptionsTable.ConfigurableNames,
            name => Assert.Contains($"      \"{name}\": ", s_page, StringComparison.Ordinal));
}
