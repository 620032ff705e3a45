using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>The files of the checkout that the test was built from.</summary>
internal static class Repository
{
    private static readonly string[] s_generated =
        ["bin", "obj", "artifacts", "node_modules", "TestResults", "BenchmarkDotNet.Artifacts"];

    /// <summary>Found from the test's binary: a deterministic build does not know where its sources were.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Paths relative to <see cref="Root"/>, in order, without what a build or a tool has generated.</summary>
    public static IEnumerable<string> Files(string extension)
        => Walk(Root)
            .Where(path => path.EndsWith(extension, StringComparison.Ordinal))
            .Select(path => Path.GetRelativePath(Root, path))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> Walk(string folder)
        => Directory.EnumerateFiles(folder)
            .Concat(Directory.EnumerateDirectories(folder).Where(IsSource).SelectMany(Walk));

    private static bool IsSource(string folder)
    {
        string name = Path.GetFileName(folder);
        return !s_generated.Contains(name, StringComparer.Ordinal) && name is not (".git" or ".vs" or ".idea");
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KestrelFdmTransport.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        return folder.FullName;
    }
}
