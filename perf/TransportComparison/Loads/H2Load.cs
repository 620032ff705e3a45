using System;
using System.Globalization;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>HTTP/2 by h2load.</summary>
internal sealed partial class H2Load(Endpoint endpoint, int connections, int streams, Request request) : ILoad
{
    private static readonly TimeSpan s_loggedRun = TimeSpan.FromSeconds(1);

    public string Tool => "h2load";

    public async Task<LoadOutcome> RunAsync(
        ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation)
    {
        string log = Path.GetTempFileName();
        string body = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(body, new byte[request.BodyLength], cancellation);
            string[] data = request.BodyLength > 0 ? ["-d", body] : [];
            ServerUsage before = server.Usage();
            string output = await RunAsync(server, cpus, duration, data, cancellation);
            ServerUsage usage = server.Usage() - before;

            // The log is the only way to its latencies. It costs h2load a system call per request, so it has a run of
            // its own.
            _ = await RunAsync(server, cpus, s_loggedRun, [.. data, "--log-file", log], cancellation);
            return Parse(output, Latencies(log), usage);
        }
        finally
        {
            File.Delete(body);
            File.Delete(log);
        }
    }

    internal static LoadOutcome Parse(string output, LatencyHistogram latencies, ServerUsage usage)
    {
        Match rate = Rate().Match(output);
        Match requests = Requests().Match(output);
        Match statuses = Statuses().Match(output);
        if (!rate.Success || !requests.Success || !statuses.Success)
        {
            throw new ServerException($"h2load printed another result than expected: {output}");
        }

        long succeeded = Number(requests, "succeeded");
        long bad = Number(requests, "failed") + Number(requests, "errored") + Number(requests, "timeout");
        if (bad > 0 || Number(statuses, "good") < succeeded || succeeded == 0)
        {
            throw new ServerException($"h2load saw errors: {requests.Value}; {statuses.Value}");
        }

        double perSecond = double.Parse(rate.Groups["rate"].ValueSpan, CultureInfo.InvariantCulture);
        return new LoadOutcome(
            [new GroupOutcome(
                perSecond, latencies.Percentile(50), latencies.Percentile(99), latencies.Percentile(99.9))],
            succeeded,
            usage);
    }

    /// <summary>Columns: start, status, microseconds until the answer was there.</summary>
    internal static LatencyHistogram Latencies(string file)
    {
        var latencies = new LatencyHistogram();
        foreach (string line in File.ReadLines(file))
        {
            latencies.Record(long.Parse(line.AsSpan(line.LastIndexOf('\t') + 1), CultureInfo.InvariantCulture) * 1000);
        }

        return latencies;
    }

    private Task<string> RunAsync(
        ServerProcess server, CpuPlan cpus, TimeSpan duration, string[] more, CancellationToken cancellation)
        => ToolProcess.RunAsync(
        "h2load",
        [
            "-c",
            Text(connections),
            "-m",
            Text(streams),
            "-t",
            Text(cpus.LoadThreads),
            "-D",
            Text((int)duration.TotalSeconds),
            .. more, server.Url(endpoint, request.Path).ToString(),
        ],
        cpus.Load,
        cancellation);

    private static long Number(Match match, string group)
        => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(
        @"^finished in [^,]+, (?<rate>[\d.]+) req/s", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rate();

    [GeneratedRegex(
        @"^requests: .* (?<succeeded>\d+) succeeded, (?<failed>\d+) failed, "
            + @"(?<errored>\d+) errored, (?<timeout>\d+) timeout",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex Requests();

    [GeneratedRegex(@"^status codes: (?<good>\d+) 2xx.*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Statuses();
}
