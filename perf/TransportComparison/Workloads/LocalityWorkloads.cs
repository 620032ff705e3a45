using System;
using System.Collections.Generic;
using System.Globalization;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>Those that ask what polling sets, balance and moves are worth.</summary>
internal static class LocalityWorkloads
{
    private static readonly int[] s_percents = [50, 60, 70, 80, 85, 90, 95];

    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(20);

    internal static IEnumerable<Workload> All()
        => [.. Utilisation(), NewConnections(), .. Skew(), .. Accept(), RoundTrip()];

    private static IEnumerable<Workload> Utilisation()
    {
        foreach (int percent in s_percents)
        {
            yield return new UtilisationWorkload(percent) { Headline = Metric.P99, OnlyIfNamed = true };
            yield return new SetsWorkload(percent) { Headline = Metric.OthersP99ByArrival, OnlyIfNamed = true };
        }
    }

    private static MixWorkload NewConnections()
    {
        var work = new Request("/compute/10");
        return new MixWorkload(
            "new-connections",
            "16 clients, a new connection with one request every 50–150 ms, from connecting on, beside 1,000 clients "
                + "without pause, 10 µs of work",
            new ClientGroup(16, work with { Close = true })
            {
                Pause = new Pause(
                TimeSpan.FromMilliseconds(50),
                TimeSpan.FromMilliseconds(150))
            },
            new ClientGroup(1000, work))
        {
            Headline = Metric.P99,
            OnlyIfNamed = true,
        };
    }

    private static IEnumerable<Workload> Skew()
    {
        // Slow enough that the loops and not the load need the CPUs, and fast enough that no callback goes to the pool.
        var clients = new ClientGroup(128, new Request("/compute/20"));
        yield return new SkewWorkload(
            "skew", "48 of 128 connections without pause, all on one of two loops, 20 µs of work", clients, busy: 48)
        {
            Loops = 2,
            Headline = Metric.OfBalanced,
            OnlyIfNamed = true,
        };

        clients =
            clients with { Pause = new Pause(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(2), Paced: true) };
        yield return new SkewWorkload(
            "skew-paced",
            "48 of 128 connections that want 500 requests/s each, all on one of two loops, 20 µs of work",
            clients,
            busy: 48)
        {
            Loops = 2,
            Headline = Metric.UtilizationDifference,
            OnlyIfNamed = true,
        };
    }

    private static IEnumerable<Workload> Accept()
    {
        foreach (int loops in new[] { 2, 4, 8 })
        {
            foreach (int connections in new[] { 1_000, 10_000 })
            {
                yield return Accept("slow", "one by one", connections, 1, loops);
                yield return Accept("bursts", "in bursts of 32", connections, 32, loops);
                yield return Accept("once", "all at once", connections, connections, loops);
            }

            yield return new ShortConnectionsWorkload(Name($"accept-short-{loops}"), clients: 64)
            {
                Loops = loops,
                Headline = Metric.LoopShare,
                OnlyIfNamed = true
            };
        }
    }

    private static AcceptWorkload Accept(string kind, string how, int connections, int atOnce, int loops)
        => new(Name($"accept-{kind}-{connections}-{loops}"), how, connections, atOnce)
        {
            Loops = loops,
            Headline = Metric.LoopShare,
            OnlyIfNamed = true
        };

    private static RoundTripWorkload RoundTrip() => new(
        "round-trip",
        "behind a round trip of 20 ms, 400 clients that think for 30 ms and 4,000 that think for 2 s (both give or "
            + "take a half)",
        new ClientGroup(400, new Request("/tally/0")) { Pause = ThinkTime(30) },
        new ClientGroup(4000, new Request("/tally/1")) { Pause = ThinkTime(2000) })
    {
        Headline = Metric.Sets[0],
        OnlyIfNamed = true,
    };

    /// <summary>
    /// After the answer: the way there and back, which only the client can delay here, and the time of thinking.
    /// </summary>
    private static Pause ThinkTime(double milliseconds)
        => new(
            s_roundTrip + TimeSpan.FromMilliseconds(milliseconds / 2),
            s_roundTrip + TimeSpan.FromMilliseconds(milliseconds * 1.5));

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
