using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>The layers of docs/architecture.md: a file uses its own layer and those below it.</summary>
public sealed class LayerTests
{
    private const string Root = "";
    private const string Diagnostics = "Diagnostics";

    /// <summary>From bottom to top. The public types of the root namespace belong to the transport.</summary>
    private static readonly string[] s_layers = ["Interop", "Polling", "EventLoops", "Connections", "Transport", "Hosting"];

    private static readonly SourceFile[] s_files = SourceFile.ReadAll();

    [Fact]
    public void Every_folder_is_a_layer()
    {
        string[] folders = [.. s_files.Select(file => file.Folder).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

        Assert.Equal([.. s_layers.Append(Diagnostics).Append(Root).Order(StringComparer.Ordinal)], folders);
    }

    [Fact]
    public void A_file_declares_the_namespace_of_its_folder()
    {
        foreach (SourceFile file in s_files)
        {
            // Some types are public, and extension methods of hosts live where applications look for them.
            string[] allowed = file.Folder switch
            {
                Root => ["KestrelFdmTransport"],
                "Transport" or "Connections" or "Polling" => [$"KestrelFdmTransport.{file.Folder}", "KestrelFdmTransport"],
                "Hosting" => ["KestrelFdmTransport.Hosting", "Microsoft.AspNetCore.Hosting"],
                string folder => [$"KestrelFdmTransport.{folder}"],
            };
            Assert.True(file.Namespace is null || allowed.Contains(file.Namespace, StringComparer.Ordinal), $"{file} declares {file.Namespace}.");
        }
    }

    [Fact]
    public void No_using_line_leads_upwards()
        => AssertNone(
            from file in s_files
            from layer in file.UsedLayers
            where !MayUse(file.Folder, layer)
            select $"{file} uses the namespace {(layer.Length == 0 ? "KestrelFdmTransport" : layer)}");

    /// <summary>A type of an outer namespace needs no using line, and any type can be named in full.</summary>
    [Fact]
    public void No_type_of_a_higher_layer_is_named()
    {
        ILookup<string, string> foldersOf = s_files.ToLookup(file => file.TypeName, file => file.Folder, StringComparer.Ordinal);

        AssertNone(
            from file in s_files
            from word in file.Words
            from folder in foldersOf[word].Distinct(StringComparer.Ordinal)
            where !MayUse(file.Folder, folder)
            select $"{file} names {word} of {(folder.Length == 0 ? "the root namespace" : folder)}");
    }

    private static bool MayUse(string user, string used)
    {
        if (Same(used, user) || Same(used, Diagnostics))
        {
            return true;
        }

        return !Same(user, Diagnostics) && RankOf(user) >= RankOf(used);
    }

    private static int RankOf(string folder) => Array.IndexOf(s_layers, folder.Length == 0 ? "Transport" : folder);

    private static bool Same(string first, string second) => string.Equals(first, second, StringComparison.Ordinal);

    private static void AssertNone(IEnumerable<string> violations) => Assert.Empty(violations.Distinct(StringComparer.Ordinal));
}
