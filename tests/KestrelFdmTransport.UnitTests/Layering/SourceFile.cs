using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>A source file of the library, without its comments and strings.</summary>
internal sealed partial class SourceFile
{
    private readonly string _code;

    private SourceFile(string folder, string name, string text)
    {
        Folder = folder;
        Name = name;
        Lines = text.Count(character => character == '\n');
        _code = CommentsAndStrings().Replace(text, " ");
    }

    /// <summary>The folder below the project's, which is the layer; empty for the root.</summary>
    public string Folder { get; }

    public string Name { get; }

    public int Lines { get; }

    /// <summary>The type that the file is about: <c>FdmConnection</c> for <c>FdmConnection.Features.cs</c>.</summary>
    public string TypeName => Name[..Name.IndexOf('.', StringComparison.Ordinal)];

    public string? Namespace
        => NamespaceLine().Match(_code) is { Success: true } match ? match.Groups["name"].Value : null;

    /// <summary>The layers named in using lines; empty for the root namespace.</summary>
    public IEnumerable<string> UsedLayers => UsingLines().Matches(_code).Select(match => match.Groups["layer"].Value);

    public IEnumerable<string> Words => Identifiers().Matches(_code).Select(match => match.Value);

    public static SourceFile[] ReadAll()
    {
        string project = Path.Combine(Repository.Root, "src", "KestrelFdmTransport");
        SourceFile[] files =
        [
            .. from file in Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
               let folder = Path.GetDirectoryName(Path.GetRelativePath(project, file))!
               where folder.Split('/')[0] is not ("bin" or "obj")
               select new SourceFile(folder, Path.GetFileName(file), File.ReadAllText(file)),
        ];
        Assert.NotEmpty(files);
        return files;
    }

    public override string ToString() => Path.Combine(Folder, Name);

    [GeneratedRegex(
        """//[^\n]*|/\*.*?\*/|"(\\.|""|[^"\\])*"|'(\\.|[^'\\])'""", RegexOptions.Singleline
            | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex CommentsAndStrings();

    [GeneratedRegex(
        @"^namespace (?<name>[\w.]+)", RegexOptions.Multiline
            | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(
        @"^(global )?using (static )?(\w+ = )?KestrelFdmTransport(\.(?<layer>\w+))?[\w.]*;", RegexOptions.Multiline
            | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex UsingLines();

    /// <summary>What follows a dot is a member, except after a namespace.</summary>
    [GeneratedRegex(
        @"(?<!\.)\b\w+|(?<=\b(Balancing|Buffers|Connections|Diagnostics|Endpoints|EventLoops|Hosting|Interop|"
            + @"Polling|Scheduling|KestrelFdmTransport)\.)\w+",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Identifiers();
}
