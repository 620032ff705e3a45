using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>The layers of docs/design/overview.md: a file uses its own layer and those below it.</summary>
public sealed class LayerTests
{
    private const string Root = "";
    private const string Diagnostics = "Diagnostics";

    /// <summary>From bottom to top.</summary>
    private static readonly string[] s_layers =
    [
        Diagnostics,
        "Interop",
        "Polling",
        "Buffers",
        "Balancing",
        "Scheduling",
        "EventLoops",
        "Connections",
        "Endpoints",
        "Hosting",
        Root,
    ];

    /// <summary>Extension methods live where applications look for them.</summary>
    private static readonly Dictionary<string, string> s_extensions = new(StringComparer.Ordinal)
    {
        ["FdmTransportServiceCollectionExtensions"] = "Microsoft.Extensions.DependencyInjection",
        ["HealthChecksBuilderFdmExtensions"] = "Microsoft.Extensions.DependencyInjection",
        ["HttpClientBuilderFdmExtensions"] = "Microsoft.Extensions.DependencyInjection",
        ["ListenOptionsFdmExtensions"] = "Microsoft.AspNetCore.Hosting",
        ["WebHostBuilderFdmExtensions"] = "Microsoft.AspNetCore.Hosting",
    };

    /// <summary>The public types that are made of the layers. The others are data, which any layer may use.</summary>
    private static readonly string[] s_facades =
        ["FdmTransportFactory", "FdmConnectionFactory", .. s_extensions.Keys];

    private static readonly SourceFile[] s_files = SourceFile.ReadAll();

    [Fact]
    public void Every_folder_is_a_layer()
    {
        string[] folders =
            [.. s_files.Select(file => file.Folder).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

        Assert.Equal([.. s_layers.Order(StringComparer.Ordinal)], folders);
    }

    [Fact]
    public void A_file_declares_the_namespace_of_its_folder()
    {
        foreach (SourceFile file in s_files)
        {
            string expected = s_extensions.TryGetValue(file.TypeName, out string? extended) ? extended
                : file.Folder.Length == 0 ? "KestrelFdmTransport"
                : $"KestrelFdmTransport.{file.Folder}";
            Assert.True(
                file.Namespace is null || string.Equals(file.Namespace, expected, StringComparison.Ordinal),
                $"{file} declares {file.Namespace}.");
        }
    }

    [Fact]
    public void No_using_line_leads_upwards()
        => AssertNone(
            from file in s_files
            from layer in file.UsedLayers
            where layer.Length > 0 && !MayUse(file.Folder, layer)
            select $"{file} uses the namespace {(layer.Length == 0 ? "KestrelFdmTransport" : layer)}");

    /// <summary>A type of an outer namespace needs no using line, and any type can be named in full.</summary>
    [Fact]
    public void No_type_of_a_higher_layer_is_named()
    {
        ILookup<string, string> foldersOf =
            s_files.ToLookup(file => file.TypeName, file => file.Folder, StringComparer.Ordinal);

        AssertNone(
            from file in s_files
            from word in file.Words
            from folder in foldersOf[word].Distinct(StringComparer.Ordinal)
            where !MayUse(file.Folder, folder)
            && (folder.Length > 0 || s_facades.Contains(word, StringComparer.Ordinal))
            select $"{file} names {word} of {(folder.Length == 0 ? "the root namespace" : folder)}");
    }

    private static bool MayUse(string user, string used)
        => Array.IndexOf(s_layers, user) >= Array.IndexOf(s_layers, used);

    private static void AssertNone(IEnumerable<string> violations)
        => Assert.Empty(violations.Distinct(StringComparer.Ordinal));
}
