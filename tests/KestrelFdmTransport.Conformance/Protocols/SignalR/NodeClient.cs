using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Conformance.Protocols.SignalR;

/// <summary>A script under Node that talks to the case by lines of its standard output.</summary>
internal sealed class NodeClient : IDisposable
{
    private static readonly string s_folder = Path.Combine("Protocols", "Node");

    private readonly Process _process;
    private readonly Task<string> _errors;

    private NodeClient(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Skips the case where Node or its modules are missing.</summary>
    public static NodeClient Start(string script, params IEnumerable<string> arguments)
    {
        string? folder = FindFolder();
        Skip.If(folder is null, $"The sources, with {s_folder}, are not above the tests.");
        Skip.IfNot(
            Directory.Exists(Path.Combine(folder, "node_modules")),
            $"There are no node_modules in {s_folder}; npm install makes them.");
        var start = new ProcessStartInfo("node", [Path.Combine(folder, script), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (Win32Exception exception)
        {
            Skip.If(true, $"Node cannot be started: {exception.Message}");
        }

        return new NodeClient(process!);
    }

    /// <summary>The next line; a script that has ended fails the case with what it said about it.</summary>
    public async Task<string> ReadAsync()
    {
        return await _process.StandardOutput.ReadLineAsync().Within("a line of the script")
            ?? throw new EndOfStreamException($"The script has ended: {await _errors.Within()}");
    }

    public async Task AssertSuccessAsync()
    {
        await _process.WaitForExitAsync().Within("the end of the script");
        Assert.True(_process.ExitCode == 0, $"{_process.ExitCode}: {await _errors.Within()}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static string? FindFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, s_folder);
            if (File.Exists(Path.Combine(candidate, "package.json")))
            {
                return candidate;
            }
        }

        return null;
    }
}
