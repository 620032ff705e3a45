using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>A running <see cref="Program"/>. It does not outlive the case.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int Sigcont = 18;
    private const int Sigstop = 19;

    private readonly Process _process;
    private readonly Task<string> _errors;

    private ChildProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => _process.Id;

    /// <summary>CPU time of all its threads so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static ChildProcess Start(params string[] arguments)
        => Start(Muxer, [typeof(Program).Assembly.Location, .. arguments]);

    /// <summary>Starts it by a line of bash, in which the command is <c>"$@"</c>.</summary>
    public static ChildProcess StartByBash(string line, params string[] arguments)
        => Start("/bin/bash", ["-c", line, "bash", Muxer, typeof(Program).Assembly.Location, .. arguments]);

    /// <summary>The next line of its output is the expected one, to the end or as far as given.</summary>
    public async Task<string> ExpectAsync(string beginning)
    {
        string? line = await _process.StandardOutput.ReadLineAsync().Within($"'{beginning}' from the child");
        if (line is null)
        {
            Assert.Fail($"The child ended: {await _errors}");
        }

        Assert.StartsWith(beginning, line, StringComparison.Ordinal);
        return line[beginning.Length..];
    }

    /// <summary>The address that a serving child prints.</summary>
    public async Task<IPEndPoint> ListeningAsync()
    {
        var url = new Uri(await ExpectAsync("listening at "));
        return new IPEndPoint(IPAddress.Parse(url.Host), url.Port);
    }

    public void Terminate() => Terminate(Id);

    public static void Terminate(int process) => Assert.Equal(0, Kill(process, Sigterm));

    /// <summary>Stops it from running, and waits until it does not.</summary>
    public async Task SuspendAsync()
    {
        Assert.Equal(0, Kill(_process.Id, Sigstop));
        await Eventually.UntilAsync(() => State() == 'T');
    }

    public void Resume() => Assert.Equal(0, Kill(_process.Id, Sigcont));

    public async Task<int> ExitCodeAsync()
    {
        await _process.WaitForExitAsync().Within("the end of the child");
        return _process.ExitCode;
    }

    /// <summary>Kills it. What it has written to its standard error.</summary>
    public async Task<string> EndAsync()
    {
        _process.Kill();
        return await _errors.Within("the errors of the child");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync().Within("the end of the child");
        _process.Dispose();
    }

    /// <summary>The letter after the name, which is in parentheses and may hold others.</summary>
    private char State()
    {
        string stat = File.ReadAllText($"/proc/{_process.Id}/stat");
        return stat[stat.LastIndexOf(')') + 2];
    }

    private static string Muxer
        => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    private static ChildProcess Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new ChildProcess(Process.Start(start)!);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
