using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>No type grows until it does everything.</summary>
public sealed class TypeSizeTests
{
    private static readonly Limit s_limit = new(Lines: 400, Fields: 20);

    /// <summary>The loop, the connection and its two pipes hold state that belongs together.</summary>
    private static readonly Limit s_coreLimit = new(Lines: 600, Fields: 30);

    private static readonly string[] s_core = ["EventLoop", "ConnectionIo", "FdmPipeReader", "FdmPipeWriter"];

    [Fact]
    public void All_parts_of_a_type_together_are_short()
        => AssertNone(
            from type in SourceFile.ReadAll().GroupBy(file => file.TypeName, StringComparer.Ordinal)
            let lines = type.Sum(file => file.Lines)
            let limit = LimitOf(type.Key).Lines
            where lines > limit
            select $"{type.Key} has {lines} lines, at most {limit}.");

    [Fact]
    public void A_type_has_few_fields()
        => AssertNone(
            from type in typeof(FdmTransportFactory).Assembly.GetTypes()
            where !type.Name.Contains('<', StringComparison.Ordinal)
            let fields = type.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Length
            let limit = LimitOf(type.Name).Fields
            where fields > limit
            select $"{type.Name} has {fields} fields, at most {limit}.");

    private static Limit LimitOf(string type)
        => s_core.Contains(type, StringComparer.Ordinal) ? s_coreLimit : s_limit;

    private static void AssertNone(IEnumerable<string> violations)
    {
        string all = string.Join('\n', violations);
        Assert.True(all.Length == 0, all);
    }

    private sealed record Limit(int Lines, int Fields);
}
