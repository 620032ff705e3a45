// Fast requests beside some whose handler blocks its thread: all candidates in one interleaved run, as a table of medians.
//   BlockingMix <PlaintextServer.dll> [rounds] [seconds] [connections] [permille that block] [path that blocks]
// The servers are started as children on CPU 0; start this program with `taskset -c 1`.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using KestrelFdmTransport.BlockingMix;

if (args.Length == 0)
{
    await Console.Error.WriteLineAsync("usage: BlockingMix <PlaintextServer.dll> [rounds] [seconds] [connections] [permille that block] [path that blocks]");
    return 2;
}

int rounds = Number(1, 5);
int seconds = Number(2, 4);
int connections = Number(3, 64);
int permille = Number(4, 10);
string path = args.Length > 5 ? args[5] : "/block";

string[] candidates = ["sockets", "sockets-inline", "fdm-inline", "fdm-pool", "fdm"];
var servers = new List<Server>();
var results = new Dictionary<string, List<Result>>(StringComparer.Ordinal);
try
{
    for (int i = 0; i < candidates.Length; i++)
    {
        servers.Add(await Server.StartAsync(args[0], candidates[i], 7100 + (10 * i)));
        results.Add(candidates[i], []);
    }

    for (int round = 0; round <= rounds; round++)
    {
        foreach (Server server in servers)
        {
            // The first round warms up, without blocking: the JIT needs it.
            var load = new Load(server.Port, connections, round == 0 ? 0 : permille, path);
            Result result = await load.RunAsync(server, TimeSpan.FromSeconds(round == 0 ? 6 : seconds));
            if (round > 0)
            {
                results[server.Name].Add(result);
            }
        }
    }
}
finally
{
    servers.ForEach(server => server.Dispose());
}

double reference = Median(results["sockets"], result => result.FastPerSecond);
double referenceTail = Median(results["sockets"], result => result.P99);
Console.WriteLine($"{connections} connections, {permille / 10.0}% of the requests go to {path}; medians of {rounds} rounds of {seconds} s");
Console.WriteLine();
Console.WriteLine("| | fast requests/s | × Sockets | p50 | p99 | × Sockets | CPU per request |");
Console.WriteLine("|---|---|---|---|---|---|---|");
foreach (string candidate in candidates)
{
    List<Result> own = results[candidate];
    double rate = Median(own, result => result.FastPerSecond);
    double tail = Median(own, result => result.P99);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {candidate} | {rate:N0} | {rate / reference:0.00} | {Median(own, result => result.P50):0.00} ms | {tail:0.00} ms | {tail / referenceTail:0.00} | {Median(own, result => result.CpuPerRequest):0.0} µs |"));
}

return 0;

int Number(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;

static double Median(List<Result> results, Func<Result, double> of) => results.Select(of).Order().ElementAt(results.Count / 2);
