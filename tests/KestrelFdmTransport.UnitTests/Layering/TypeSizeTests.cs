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

    /// <summary>Types that are larger today, and how large they may be. This list only shrinks.</summary>
    private static readonly Dictionary<string, Limit> s_exceptions = new(StringComparer.Ordinal)
    {
        ["ConnectionIo"] = new(Lines: 690, Fields: 31),
        ["EventLoop"] = new(Lines: 610, Fields: 55),
        ["EventLoopGroup"] = new(Lines: 400, Fields: 22),
        ["FdmConnection"] = new(Lines: 430, Fields: 20),
        ["FdmPipeWriter"] = new(Lines: 640, Fields: 30),
        ["LoopThread"] = new(Lines: 580, Fields: 25),
        ["PollingSets"] = new(Lines: 440, Fields: 31),
        ["Sys"] = new(Lines: 520, Fields: 20),
        // Each option is a field.
        ["FdmTransportOptions"] = new(Lines: 400, Fields: 25),
    };

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
        => s_exceptions.TryGetValue(type, out Limit? exception) ? exception
            : s_core.Contains(type, StringComparer.Ordinal) ? s_coreLimit
            : s_limit;

    private static void AssertNone(IEnumerable<string> violations)
    {
        string all = string.Join('\n', violations);
        Assert.True(all.Length == 0, all);
    }

    private sealed record Limit(int Lines, int Fields);
}
