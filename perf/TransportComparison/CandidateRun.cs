using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;
using KestrelFdmTransport.TransportComparison.Workloads;

namespace KestrelFdmTransport.TransportComparison;

/// <summary>A candidate in one workload: its server and its figures. What goes wrong once is out.</summary>
internal sealed class CandidateRun(
    Candidate candidate, Workload workload, CpuPlan plan, LoadTools tools, int stepsPerMicrosecond, DirectoryInfo? old)
    : IAsyncDisposable
{
    private readonly Dictionary<string, List<double>> _rounds = new(StringComparer.Ordinal);
    private ServerProcess? _server;
    private string? _refused;

    internal string Name => candidate.Name;

    internal bool IsReference => candidate.Is(Candidate.Reference);

    /// <summary>Starts the server and warms it up.</summary>
    internal Task PrepareAsync(TimeSpan warmUp, CancellationToken cancellation) => AttemptAsync(async () =>
    {
        _server = await ServerProcess.StartAsync(candidate, plan, stepsPerMicrosecond, old, cancellation);
        await _server.VerifyAsync(cancellation);
        await workload.WarmUpAsync(Trial(_server, warmUp), cancellation);
    });

    internal async Task MeasureAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        if (workload.FreshServer)
        {
            await PrepareAsync(warmUp, cancellation);
        }

        await AttemptAsync(async () =>
        {
            ServerProcess server = _server!;
            await server.VerifyAsync(cancellation);
            Dictionary<string, double> figures = await workload.MeasureAsync(Trial(server, duration), cancellation);
            await server.VerifyAsync(cancellation);
            foreach ((string key, double value) in figures)
            {
                Add(key, value);
            }
        });

        if (workload.FreshServer)
        {
            await DisposeAsync();
        }
    }

    internal Task CountSystemCallsAsync(CancellationToken cancellation) => AttemptAsync(async () =>
    {
        if (_server is { } server && workload.Load(tools) is { } load
            && await SystemCallCount.PerRequestAsync(server, plan, load, cancellation) is { } count)
        {
            Add(Metric.SystemCalls.Key, count);
        }
    });

    internal CandidateResult Result() => new(
        Name,
        _refused is null
            ? _rounds.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal)
            : [],
        _refused);

    public async ValueTask DisposeAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            await server.DisposeAsync();
        }
    }

    private Trial Trial(ServerProcess server, TimeSpan duration) => new(server, plan, tools, duration);

    private void Add(string key, double value)
    {
        if (!_rounds.TryGetValue(key, out List<double>? values))
        {
            _rounds.Add(key, values = []);
        }

        values.Add(value);
    }

    private async Task AttemptAsync(Func<Task> work)
    {
        if (_refused is not null)
        {
            return;
        }

        try
        {
            await work();
        }
        catch (Exception e) when (e is ServerException or IOException or TimeoutException)
        {
            _refused = e.Message;
        }
    }
}
