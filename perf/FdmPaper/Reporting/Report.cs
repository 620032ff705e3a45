using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using KestrelFdmTransport.FdmPaper.Client;
using KestrelFdmTransport.FdmPaper.Servers;

namespace KestrelFdmTransport.FdmPaper.Reporting;

/// <summary>The paper's figures as tables.</summary>
internal static class Report
{
    internal static IEnumerable<Table> Of(Plan plan, Harness harness)
    {
        yield return Idle("Figure 9, closed loop: requests/s", "N0", 0, static measured => measured.RequestsPerSecond);
        yield return Ratios("Figure 9, closed loop: throughput, one over the other", Throughput);
        yield return Idle(
            "Figure 9, closed loop: the server's CPU per request, µs",
            "0.0",
            0,
            static measured => measured.CpuPerRequest);
        yield return Ratios("Figure 9, closed loop: requests per CPU second, one over the other", Capacity);
        string rate = plan.FixedRate.ToString("N0", CultureInfo.InvariantCulture);
        yield return IdleTimes($"Figure 9, {rate} requests/s: response time p50 / p99, µs", plan.FixedRate);
        yield return Idle(
            $"Figure 9, {rate} requests/s: the server's CPU per request, µs",
            "0.0",
            plan.FixedRate,
            static measured => measured.CpuPerRequest);

        string loaded = plan.LoadedIdle.ToString("N0", CultureInfo.InvariantCulture);
        yield return Loads(
            $"Figure 11, {loaded} idle: replies/s",
            (name, load) => Format(
                "N0",
                harness.Median(name, plan.LoadedIdle, load, static measured => measured.RequestsPerSecond)));
        yield return Loads(
            $"Figure 11, {loaded} idle: response time p50 / p99, µs",
            (name, load) => ResponseTime(name, plan.LoadedIdle, load));

        Table Idle(string title, string format, int rate, Func<Measurement, double> of)
            => Make(title, "idle", plan.Idle, (name, idle) => Format(format, harness.Median(name, idle, rate, of)));

        Table IdleTimes(string title, int rate)
            => Make(title, "idle", plan.Idle, (name, idle) => ResponseTime(name, idle, rate));

        Table Loads(string title, Func<string, int, string> cell) => Make(title, "requests/s", plan.Loads, cell);

        string ResponseTime(string name, int idle, int rate)
            => $"{Format("N0", harness.Median(name, idle, rate, static measured => measured.P50))} / "
                + $"{Format("N0", harness.Median(name, idle, rate, static measured => measured.P99))}";

        Table Ratios(string title, Func<string, int, double> of)
        {
            (string Over, string Under)[] pairs =
            [
                (ServerKind.Fdm, ServerKind.Poll),
                (ServerKind.Epoll, ServerKind.Fdm),
                (ServerKind.Transport, ServerKind.Poll),
                (ServerKind.Transport, ServerKind.Fdm),
                (ServerKind.Transport, ServerKind.Epoll),
            ];
            return new Table(
                title,
                ["idle", .. pairs.Select(static pair => $"{pair.Over} / {pair.Under}")],
                [.. plan.Idle.Select(
                    idle => (IReadOnlyList<string>)[Format("N0", idle), .. pairs.Select(
                        pair => Format("0.00", of(pair.Over, idle) / of(pair.Under, idle)))])]);
        }

        double Throughput(string name, int idle)
            => harness.Median(name, idle, 0, static measured => measured.RequestsPerSecond);

        double Capacity(string name, int idle)
            => 1 / harness.Median(name, idle, 0, static measured => measured.CpuPerRequest);
    }

    private static Table Make(string title, string first, IReadOnlyList<int> steps, Func<string, int, string> cell)
        => new(
            title,
            [first, .. ServerKind.All],
            [.. steps.Select(
                step => (IReadOnlyList<string>)[Format("N0", step), .. ServerKind.All.Select(
                    name => cell(name, step))])]);

    private static string Format(string format, double value) => value.ToString(format, CultureInfo.InvariantCulture);
}
