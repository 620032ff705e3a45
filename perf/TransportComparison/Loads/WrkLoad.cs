using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Plain HTTP/1.1 by wrk.</summary>
internal sealed class WrkLoad(Endpoint endpoint, ClientGroup clients) : ILoad
{
    public string Tool => "wrk";

    public async Task<LoadOutcome> RunAsync(
        ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation)
    {
        string script = Path.Combine(AppContext.BaseDirectory, "Native", "wrk.lua");
        int threads = Math.Min(cpus.LoadThreads, clients.Connections);
        List<string> arguments =
        [
            "-t",
            Text(threads),
            "-c",
            Text(clients.Connections),
            "-d",
            Text((int)duration.TotalSeconds),
            "--timeout",
            "30",
            "-s",
            script,
        ];
        if (clients.Request.Close)
        {
            arguments.AddRange(["-H", "Connection: close"]);
        }

        arguments.AddRange(
        [
            server.Url(endpoint, clients.Request.Path).ToString(),
            "--",
            clients.Request.Method,
            Text(clients.Request.BodyLength),
            Text(clients.Depth),
        ]);
        ServerUsage before = server.Usage();
        string output = await ToolProcess.RunAsync("wrk", arguments, cpus.Load, cancellation);
        return Parse(output, server.Usage() - before);
    }

    /// <summary>The last line is made by <c>wrk.lua</c>.</summary>
    internal static LoadOutcome Parse(string output, ServerUsage usage)
    {
        string line = output.Split('\n').LastOrDefault(line => line.StartsWith("@wrk ", StringComparison.Ordinal))
            ?? throw new ServerException($"wrk printed no result: {output}");
        long[] values = [.. line.Split(' ').Skip(1).Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
        if (values is not
            [
                long requests, long microseconds, long connect, long read, long write, long status, long timeouts,
                long p50, long p99, long p999,
            ])
        {
            throw new ServerException($"wrk printed another result than expected: {line}");
        }

        if (connect + read + write + status + timeouts > 0)
        {
            throw new ServerException(string.Create(
                CultureInfo.InvariantCulture,
                $"wrk saw errors: connect {connect}, read {read}, write {write}, status {status}, time-outs "
                    + $"{timeouts}."));
        }

        return requests == 0
            ? throw new ServerException("wrk got no answer.")
            : new LoadOutcome([new GroupOutcome(requests / (microseconds / 1e6), p50, p99, p999)], requests, usage);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
