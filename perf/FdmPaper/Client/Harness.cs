using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>Runs all cells round after round, all servers in turn within each.</summary>
internal sealed class Harness(Plan plan, IReadOnlyList<ServerProcess> servers)
{
    private const int WarmUpRuns = 24;

    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(150);

    private readonly Dictionary<Cell, List<Measurement>> _measured = [];

    internal void Run(Action<string> progress)
    {
        foreach (ServerProcess server in servers)
        {
            progress($"warming {server.Name} up");
            server.Continue();
            WarmUp(server);
            server.Stop();
        }

        for (int round = 1; round <= plan.Rounds; round++)
        {
            foreach ((int idle, IReadOnlyList<int> rates) in plan.Steps)
            {
                progress($"round {round} of {plan.Rounds}, {idle} idle connections");
                foreach (ServerProcess server in servers)
                {
                    server.Continue();
                    Measure(server, idle, rates);
                    server.Stop();
                }
            }
        }
    }

    /// <summary>The median of <see cref="Measurement.Waited"/> over everything.</summary>
    internal double Waited()
        => Median(_measured.Values.SelectMany(static measurements => measurements), static measured => measured.Waited);

    /// <summary>The median of the rounds.</summary>
    internal double Median(string mechanism, int idle, int rate, Func<Measurement, double> of)
        => Median(_measured[new Cell(mechanism, idle, rate)], of);

    private static double Median(IEnumerable<Measurement> measurements, Func<Measurement, double> of)
    {
        double[] sorted = [.. measurements.Select(of).Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static void WaitUntilQuiet(ServerProcess server)
    {
        // Thousands of connections are to be accepted, or closed before the next server may be measured on the same
        // CPU.
        const int Step = 20;
        const int MostSteps = 50;
        long before = server.CpuTime;
        for (int i = 0; i < MostSteps; i++)
        {
            Thread.Sleep(Step);
            long now = server.CpuTime;
            if (now - before < Step * 1_000_000 / 5)
            {
                return;
            }

            before = now;
        }
    }

    private void WarmUp(ServerProcess server)
    {
        // The JIT replaces code while it runs, so it wants several short runs rather than one; that of the transport is
        // done after some ten seconds.
        using var active = new ActiveConnections(server.Port, plan.Active);
        for (int i = 0; i < WarmUpRuns; i++)
        {
            active.Run(0, TimeSpan.FromSeconds(0.5), server);
            Thread.Sleep(50);
        }
    }

    private void Measure(ServerProcess server, int idle, IReadOnlyList<int> rates)
    {
        using (new IdleConnections(server.Port, idle))
        {
            // What accepting them costs is not what is compared.
            WaitUntilQuiet(server);
            using var active = new ActiveConnections(server.Port, plan.Active);
            active.Run(0, s_settle, server);
            foreach (int rate in rates)
            {
                var cell = new Cell(server.Name, idle, rate);
                if (!_measured.TryGetValue(cell, out List<Measurement>? measurements))
                {
                    _measured.Add(cell, measurements = []);
                }

                measurements.Add(active.Run(rate, plan.Duration, server));
            }
        }

        WaitUntilQuiet(server);
    }

    private sealed record Cell(string Mechanism, int Idle, int Rate);
}
