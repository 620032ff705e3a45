using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Samples.Tests;

/// <summary>A sample that runs as a program of its own. It does not outlive the test.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private const string Started = "Application started.";

    private readonly Process _process;
    private readonly Task<string> _errors;

    private SampleProcess(string sample, string[] arguments)
    {
        var start = new ProcessStartInfo(Muxer(), [Assembly(sample), .. arguments])
        {
            // Where its appsettings.json is.
            WorkingDirectory = Path.GetDirectoryName(Assembly(sample)),
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The addresses that the server has logged, in the order of its endpoints.</summary>
    public IReadOnlyList<Uri> Addresses { get; private set; } = [];

    /// <summary>What it has logged until it had started.</summary>
    public IReadOnlyList<string> Log { get; private set; } = [];

    /// <summary>Starts a server, and waits until it has started.</summary>
    /// <param name="sample">The name of the sample's assembly.</param>
    /// <param name="arguments">What it is started with.</param>
    public static async Task<SampleProcess> ServeAsync(string sample, params string[] arguments)
    {
        var server = new SampleProcess(sample, arguments);
        try
        {
            await server.AwaitStartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="sample">The name of the sample's assembly.</param>
    /// <param name="arguments">What it is started with.</param>
    /// <returns>The lines that it has printed.</returns>
    public static async Task<string[]> RunAsync(string sample, params string[] arguments)
    {
        await using var program = new SampleProcess(sample, arguments);
        string output = await program._process.StandardOutput.ReadToEndAsync().Within($"the output of {sample}");
        await program._process.WaitForExitAsync().Within($"the end of {sample}");
        Assert.True(program._process.ExitCode == 0, $"{output}\n{await program._errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync().Within("the end of the sample");
        _process.Dispose();
    }

    private async Task AwaitStartAsync()
    {
        var log = new List<string>();
        while (await _process.StandardOutput.ReadLineAsync().Within("the start of the sample") is { } line)
        {
            log.Add(line);
            if (line.Contains(Started, StringComparison.Ordinal))
            {
                Log = log;
                Addresses =
                [
                    .. from entry in log
                       let at = entry.IndexOf(Listening, StringComparison.Ordinal)
                       where at >= 0
                       let address = entry[(at + Listening.Length)..]
                       where !address.Contains("unix:", StringComparison.Ordinal)
                       select new Uri(address),
                ];

                // The pipe may not fill up.
                _ = _process.StandardOutput.ReadToEndAsync();
                return;
            }
        }

        Assert.Fail($"The sample has ended: {string.Join('\n', log)}\n{await _errors}");
    }

    /// <summary>The folder of samples/ with its sources.</summary>
    /// <param name="folder">Its name.</param>
    public static string FolderOf(string folder) => Path.Combine(Samples(), folder);

    /// <summary>In the folder of the sample that has a project for it, built as these tests are.</summary>
    private static string Assembly(string sample)
    {
        string configuration = typeof(SampleProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key is "Configuration").Value!;
        return Directory.EnumerateDirectories(Samples())
            .Select(folder => Path.Combine(folder, "bin", configuration, "net10.0", $"{sample}.dll"))
            .Single(File.Exists);
    }

    private static string Samples()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "KestrelFdmTransport.sln")))
        {
            root = root.Parent;
        }

        return Path.Combine(root.FullName, "samples");
    }

    private static string Muxer()
        => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
}
