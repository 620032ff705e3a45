using System;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>A reader has to understand the types of a knot all at once, so knots stay small.</summary>
public sealed class KnotTests
{
    private const int MaxTypes = 6;

    [Fact]
    public void No_folder_holds_a_knot_of_more_than_six_types()
        => Assert.Empty(
            from folder in SourceFile.ReadAll().GroupBy(file => file.Folder, StringComparer.Ordinal)
            from knot in new TypeGraph(folder.Select(file => (file.TypeName, file.Words))).FindKnots()
            where knot.Length > MaxTypes
            select $"{folder.Key}: {knot.Length} types reach each other: {string.Join(", ", knot)}");

    [Fact]
    public void Types_that_reach_each_other_are_a_knot()
    {
        TypeGraph graph = new(
        [
            ("Loop", ["Group", "int"]),
            ("Loop", ["Queue"]),
            ("Group", ["Loop", "Settings"]),
            ("Queue", ["Group", "Queue"]),
            ("Settings", ["string"]),
            ("Host", ["Group"]),
        ]);

        string[] knot = Assert.Single(graph.FindKnots());
        Assert.Equal(["Group", "Loop", "Queue"], knot);
    }
}
