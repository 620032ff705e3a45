using System;
using System.Collections.Generic;
using System.Globalization;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>All workloads. A new one needs a line here, and a class if it is of a new kind.</summary>
internal static class WorkloadList
{
    private static readonly double[] s_computeMilliseconds = [0.1, 0.5, 1, 2, 5];

    internal static IReadOnlyList<Workload> All(int idle) =>
    [
        .. Plain(idle),
        .. Awaiting(),
        .. Blocking(),
        Overload(
            "overload",
            "8 hot clients that want 1,000 requests/s each, 4,500 others that pause 10–100 ms, 10 µs of work",
            Every(1)),
        Overload(
            "overload-closed",
            "8 hot clients without pause, 4,500 others that pause 10–100 ms, 10 µs of work",
            Pause.None),
        new MemoryWorkload("memory-http", Endpoint.Http, idle) { Headline = Metric.Resident },
        new MemoryWorkload("memory-raw", Endpoint.Raw, idle) { Headline = Metric.Resident },
        .. Computing(),
        .. LocalityWorkloads.All(),
    ];

    private static IEnumerable<Workload> Plain(int idle)
    {
        foreach (int connections in new[] { 1, 64, 512 })
        {
            yield return Http(
                Name($"plaintext-{connections}"),
                Name($"{connections} connection{(connections == 1 ? "" : "s")}"),
                new(connections, new Request()),
                connections == 1 ? Metric.Rate : Metric.Cpu);
        }

        yield return Http(
            "pipelined-64x16", "64 connections, 16 requests in flight on each", new(64, new Request()) { Depth = 16 });
        yield return Http(
            "connections-64", "64 clients, a new connection for each request", new(64, new Request(Close: true)));
        yield return new IdleWorkload(64, idle);
        yield return new HttpWorkload("https-64", "HTTPS, 64 connections", Endpoint.Https, new(64, new Request()));
        foreach (Http2Workload workload in Http2())
        {
            yield return workload;
        }

        yield return Http("download-1mb", "8 connections, responses of 1 MiB", new(8, new Request("/download")));
        yield return Http(
            "upload-1mb", "8 connections, requests of 1 MiB", new(8, new Request("/upload", 1024 * 1024)));
        yield return new HttpWorkload(
            "raw-64", "connection handler, 64 connections", Endpoint.Raw, new(64, new Request()));
    }

    private static IEnumerable<Http2Workload> Http2()
    {
        var plain = new Request();
        yield return new Http2Workload("http2", "HTTP/2 without TLS", Endpoint.H2c, 8, 16, plain);
        yield return new Http2Workload("http2", "HTTP/2 without TLS", Endpoint.H2c, 64, 1, plain);
        yield return new Http2Workload("http2-tls", "HTTP/2 over TLS", Endpoint.H2, 8, 16, plain);
        yield return new Http2Workload(
            "grpc", "unary calls as gRPC frames them, without TLS", Endpoint.H2c, 8, 16, new Request("/grpc", 37));
    }

    private static IEnumerable<Workload> Awaiting()
    {
        yield return Http(
            "yielding-64",
            "64 connections whose handler awaits what another thread completes at once",
            new(64, new Request("/yield")),
            onlyIfNamed: true);
        yield return Http(
            "awaiting-64",
            "64 connections whose handler awaits a millisecond",
            new(64, new Request("/delay")),
            onlyIfNamed: true);
    }

    private static IEnumerable<Workload> Blocking()
    {
        var sleep20 = new Request("/sleep/20000");
        yield return Mix(
            "blocking-4of64",
            "60 fast clients beside 4 whose handler sleeps 20 ms",
            onlyIfNamed: false,
            new(60, new Request()),
            new(4, sleep20));
        yield return Mix(
            "blocking-1pct",
            "64 clients, 1 % of the requests sleep 20 ms",
            onlyIfNamed: false,
            new ClientGroup(64, new Request()) { SlowRequest = sleep20, SlowPermille = 10 });
        yield return Http(
            "sleeping-64",
            "64 connections whose handler sleeps 10 ms",
            new(64, new Request("/sleep/10000")),
            Metric.Rate);
    }

    private static MixWorkload Overload(string name, string description, Pause hot)
    {
        var work = new Request("/compute/10");
        return new MixWorkload(
            name,
            description,
            new ClientGroup(8, work) { Pause = hot },
            new ClientGroup(4500, work)
            {
                Pause = new Pause(
                TimeSpan.FromMilliseconds(10),
                TimeSpan.FromMilliseconds(100))
            })
        {
            Headline = Metric.P99,
        };
    }

    private static IEnumerable<Workload> Computing()
    {
        foreach (double milliseconds in s_computeMilliseconds)
        {
            var compute = new Request(Name($"/compute/{milliseconds * 1000}"));
            string name = Name($"compute-{milliseconds}ms");
            yield return new HttpWorkload(
                name, Name($"64 connections whose handler computes {milliseconds} ms"), Endpoint.Http, new(64, compute))
            {
                Headline = Metric.Rate,
                OnlyIfNamed = true,
            };
            yield return Mix(
                name + "-2pct",
                Name($"64 clients, 2 % of the requests compute {milliseconds} ms"),
                onlyIfNamed: true,
                new ClientGroup(64, new Request()) { SlowRequest = compute, SlowPermille = 20 });
            yield return Mix(
                name + "-4of64",
                Name($"60 fast clients beside 4 whose handler computes {milliseconds} ms"),
                onlyIfNamed: true,
                new(60, new Request()),
                new(4, compute));
        }
    }

    private static HttpWorkload Http(
        string name, string description, ClientGroup clients, Metric? headline = null, bool onlyIfNamed = false)
        => new(name, description, Endpoint.Http, clients)
        {
            Headline = headline ?? Metric.Cpu,
            OnlyIfNamed = onlyIfNamed,
        };

    private static MixWorkload Mix(
        string name, string description, bool onlyIfNamed, params IReadOnlyList<ClientGroup> groups)
        => new(name, description, groups) { Headline = Metric.Rate, OnlyIfNamed = onlyIfNamed };

    private static Pause Every(double milliseconds)
        => new(TimeSpan.FromMilliseconds(milliseconds), TimeSpan.FromMilliseconds(milliseconds), Paced: true);

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
