using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net.Http;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>A candidate as a child process. It ends with this process, because its standard input does.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Dictionary<Endpoint, int> _ports;

    private ServerProcess(Candidate candidate, Process process, Dictionary<Endpoint, int> ports)
    {
        Candidate = candidate;
        _process = process;
        _ports = ports;
    }

    internal Candidate Candidate { get; }

    internal int ProcessId => _process.Id;

    internal long ResidentBytes => ServerUsage.ResidentBytes(ProcessId);

    internal static async Task<ServerProcess> StartAsync(
        Candidate candidate, CpuPlan cpus, int stepsPerMicrosecond, DirectoryInfo? old, CancellationToken cancellation)
    {
        string[] arguments = [cpus.Loops.ToString(CultureInfo.InvariantCulture), stepsPerMicrosecond.ToString(
            CultureInfo.InvariantCulture)];
        ProcessStartInfo start = candidate.Native
            ? new(NativeServer.Executable, arguments)
            : new(
                "dotnet",
                [
                    Path.Combine(candidate.Old ? old!.FullName : AppContext.BaseDirectory, "ComparisonServer.dll"),
                    candidate.ServerName, .. arguments
                ]);
        start.UseShellExecute = false;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        if (candidate.InlineSockets)
        {
            start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
        }

        Process process = CpuPlan.Start(start, cpus.Server);
        try
        {
            string? ready = await process.StandardOutput.ReadLineAsync(cancellation).AsTask()
                .WaitAsync(s_patience, cancellation);
            return new ServerProcess(candidate, process, Ports(ready));
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    internal ServerUsage Usage() => ServerUsage.Of(ProcessId);

    internal int Port(Endpoint endpoint) => _ports[endpoint];

    internal Uri Url(Endpoint endpoint, string path) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{(endpoint is Endpoint.Https or Endpoint.H2 ? "https" : "http")}://127.0.0.1:{_ports[endpoint]}{path}"));

    /// <summary>Throws unless this very process lives and answers on its port.</summary>
    internal async Task VerifyAsync(CancellationToken cancellation)
    {
        string expected = string.Create(CultureInfo.InvariantCulture, $"{Candidate.ServerName} {ProcessId}");
        string actual = await AskAsync("/identity", cancellation);
        if (!string.Equals(actual, expected, StringComparison.Ordinal))
        {
            throw new ServerException($"The server on the port is '{actual}' and not '{expected}'.");
        }
    }

    /// <summary>The bytes alive in its managed heap after a garbage collection.</summary>
    internal async Task<long> ManagedBytesAsync(CancellationToken cancellation)
        => long.Parse(await AskAsync("/memory", cancellation), CultureInfo.InvariantCulture);

    /// <summary>What its event loops have done; none if it has none.</summary>
    internal async Task<EventLoopStatistics[]> LoopsAsync(CancellationToken cancellation)
        => JsonSerializer.Deserialize<EventLoopStatistics[]>(
            await AskAsync("/loops", cancellation),
            JsonSerializerOptions.Web)!;

    /// <summary>
    /// In which polling sets the requests of each class of clients have found their connection since the last time.
    /// </summary>
    internal async Task<long[]> SetTallyAsync(CancellationToken cancellation)
        => JsonSerializer.Deserialize<long[]>(await AskAsync("/tally", cancellation))!;

    /// <summary>Asks with a client whose connection stays.</summary>
    internal async Task<string> AskAsync(HttpClient client, string path, CancellationToken cancellation)
    {
        if (_process.HasExited)
        {
            throw new ServerException(string.Create(
                CultureInfo.InvariantCulture,
                $"The server has ended with exit code {_process.ExitCode}."));
        }

        try
        {
            return await client.GetStringAsync(Url(Endpoint.Http, path), cancellation);
        }
        catch (HttpRequestException e)
        {
            throw new ServerException($"The server does not answer: {e.Message}", e);
        }
        catch (TaskCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new ServerException("The server does not answer in time.", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> AskAsync(string path, CancellationToken cancellation)
    {
        // A connection of its own for each question: none may stay in the server.
        using var client = new HttpClient { Timeout = s_patience };
        return await AskAsync(client, path, cancellation);
    }

    private static Dictionary<Endpoint, int> Ports(string? ready)
    {
        string[] words = (ready ?? "").Split(' ');
        if (words.Length < 2 || !string.Equals(words[0], "ready", StringComparison.Ordinal))
        {
            throw new ServerException("The server did not start.");
        }

        var ports = new Dictionary<Endpoint, int>();
        foreach (string word in words[1..])
        {
            string[] parts = word.Split('=');
            ports[Enum.Parse<Endpoint>(parts[0], ignoreCase: true)] = int.Parse(parts[1], CultureInfo.InvariantCulture);
        }

        return ports;
    }
}
