using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Diagnostics;

/// <summary>The metrics of several transports in one process. Others of the process may be in them too.</summary>
[Collection(NonParallel.Name)]
public sealed class TransportMetricsTests
{
    private const string Name = "KestrelFdmTransport";

    [Fact]
    public async Task No_series_is_reported_twice()
    {
        await using FdmTransportFactory one = await StartAsync();
        await using FdmTransportFactory two = await StartAsync();
        await using var client = new FdmConnectionFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);

        string[] series = Scrape();

        // A number of another test's transport may be used again while this one reads.
        Assert.Distinct(series.Where(line => IsOf(line, one) || IsOf(line, two)), StringComparer.Ordinal);
        Assert.All(
            new[] { one, two },
            transport => Assert.Contains(
                series,
                one => one.StartsWith($"fdm.loop.accepts {TagOf(transport)}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nothing_is_left_of_a_transport_that_was_disposed_of()
    {
        // The number of one that has ended is free for another test's.
        FdmTransportFactory transport = await StartAsync();
        using var ended = new EndedMeters();
        await transport.DisposeAsync();

        Assert.Contains(TagOf(transport), ended.Tags, StringComparer.Ordinal);
    }

    [Fact]
    public async Task What_a_listener_throws_at_the_end_does_not_keep_the_loops_running()
    {
        FdmTransportFactory transport = await StartAsync();
        bool thrown = false;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                // The instruments of others are not this test's to break.
                if (instrument.Meter.Name is Name && Equals(instrument.Meter.Tags!.Single().Value, transport.Number))
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
            MeasurementsCompleted = (_, _) =>
            {
                if (!thrown)
                {
                    thrown = true;
                    throw new InvalidOperationException("This test's.");
                }
            },
        };
        listener.Start();

        Assert.Throws<InvalidOperationException>(transport.Dispose);

        Assert.Empty(transport.GetLoopStatistics());
    }

    [Fact]
    public async Task A_number_is_used_again()
    {
        const int Transports = 100;
        var numbers = new HashSet<int>();
        for (int i = 0; i < Transports; i++)
        {
            await using FdmTransportFactory transport =
                new(Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance);
            numbers.Add(transport.Number);
        }

        Assert.InRange(numbers.Count, 1, Transports / 2);
    }

    [Fact]
    public async Task OpenTelemetry_tells_transports_apart_and_drops_the_one_that_has_ended()
    {
        var exported = new List<Metric>();
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder().AddMeter(Name).AddInMemoryExporter(exported)
            .Build();
        await using FdmTransportFactory one = await StartAsync(clients: 1);
        await using FdmTransportFactory three = await StartAsync(clients: 3);
        await using var client = new FdmConnectionFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        Assert.Equal((1, 3), (Accepts(one), Accepts(three)));

        // The one that is left goes on, with the number of the other used anew at once.
        await one.DisposeAsync();
        await using FdmTransportFactory two = await StartAsync(clients: 2);
        Assert.Equal((2, 3), (Accepts(two), Accepts(three)));
        Assert.Equal((2, 3), (Accepts(two), Accepts(three)));

        long? Accepts(FdmTransportFactory transport)
        {
            exported.Clear();
            provider.ForceFlush();
            return Points(exported, "fdm.loop.accepts").Where(point => point.Transport == transport.Number).Select(
                point => (long?)point.Value).LastOrDefault();
        }
    }

    private static IEnumerable<(int Transport, long Value)> Points(List<Metric> metrics, string name)
    {
        foreach (Metric metric in metrics)
        {
            if (!string.Equals(metric.Name, name, StringComparison.Ordinal))
            {
                continue;
            }

            foreach (MetricPoint point in metric.GetMetricPoints())
            {
                foreach (KeyValuePair<string, object?> tag in point.Tags)
                {
                    if (tag.Key is "fdm.transport")
                    {
                        yield return ((int)tag.Value!, point.GetSumLong());
                    }
                }
            }
        }
    }

    private static bool IsOf(string line, FdmTransportFactory transport)
        => $"{line} ".Contains($" {TagOf(transport)} ", StringComparison.Ordinal);

    private static string TagOf(FdmTransportFactory transport)
        => string.Create(CultureInfo.InvariantCulture, $"fdm.transport={transport.Number}");

    /// <summary>Every series of every transport: instrument and tags.</summary>
    private static string[] Scrape()
    {
        var series = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Name is Name)
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<int>((instrument, _, tags, _) => Add(instrument, tags));
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Add(instrument, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Add(instrument, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return [.. series];

        void Add(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string line = instrument.Name;
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                line += string.Create(CultureInfo.InvariantCulture, $" {tag.Key}={tag.Value}");
            }

            lock (series)
            {
                series.Add(line);
            }
        }
    }

    /// <summary>A transport with one loop and the given number of accepted connections.</summary>
    private static async Task<FdmTransportFactory> StartAsync(int clients = 1)
    {
        var transport = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        await using IConnectionListener listener = await transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        for (int i = 0; i < clients; i++)
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(listener.EndPoint);
            await using ConnectionContext? accepted = await listener.AcceptAsync();
            Assert.NotNull(accepted);
        }

        return transport;
    }

    /// <summary>Whose instruments have ended: what a listener hears when a meter is disposed of.</summary>
    private sealed class EndedMeters : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly List<string> _tags = [];

        public EndedMeters()
        {
            _listener.InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name is Name)
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            };
            _listener.MeasurementsCompleted = (instrument, _) =>
            {
                KeyValuePair<string, object?> tag = instrument.Meter.Tags!.Single();
                lock (_tags)
                {
                    _tags.Add(string.Create(CultureInfo.InvariantCulture, $"{tag.Key}={tag.Value}"));
                }
            };
            _listener.Start();
        }

        public string[] Tags
        {
            get
            {
                lock (_tags)
                {
                    return [.. _tags];
                }
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
