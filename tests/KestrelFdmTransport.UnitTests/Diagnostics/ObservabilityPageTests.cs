using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Diagnostics;

/// <summary>
/// docs/observability.md has every log event and every instrument, with their names, levels, texts and units.
/// </summary>
public sealed partial class ObservabilityPageTests
{
    private const string Name = "KestrelFdmTransport";

    /// <summary>Without line breaks, so that a text may be wrapped.</summary>
    private static readonly string s_page =
        Blanks().Replace(File.ReadAllText(Path.Combine(Repository.Root, "docs", "observability.md")), " ");

    [Fact]
    public void Every_log_event_is_there_with_its_text()
        => Assert.All(Events(), log =>
        {
            string id = log.EventId.ToString(CultureInfo.InvariantCulture);
            Assert.Contains($"| {id} | `{log.EventName}` | {log.Level} |", s_page, StringComparison.Ordinal);
            Assert.Contains($"- **{id}**: {log.Message}", s_page, StringComparison.Ordinal);
        });

    [Fact]
    public void Every_instrument_is_there_with_its_kind_and_unit()
    {
        using var transport =
            new FdmTransportFactory(Options.Create(new FdmTransportOptions()), NullLoggerFactory.Instance);
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name is Name && Equals(instrument.Meter.Tags!.Single().Value, transport.Number))
                {
                    instruments.Add(instrument);
                }
            },
        };
        listener.Start();

        Assert.NotEmpty(instruments);
        Assert.All(
            instruments,
            instrument => Assert.Contains(
                $"| `{instrument.Name}` | {Kind(instrument)} | `{instrument.Unit}` |",
                s_page,
                StringComparison.Ordinal));
    }

    private static LoggerMessageAttribute[] Events()
    {
        LoggerMessageAttribute[] events =
        [
            .. from method in typeof(FdmTransportFactory).Assembly.GetType(
                "KestrelFdmTransport.Diagnostics.Log",
                throwOnError: true)!
                   .GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
               let log = method.GetCustomAttribute<LoggerMessageAttribute>()
               where log is not null
               select log,
        ];
        Assert.NotEmpty(events);
        return events;
    }

    private static string Kind(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "ObservableCounter" => "counter",
        "ObservableUpDownCounter" => "up-down counter",
        "ObservableGauge" => "gauge",
        var other => other,
    };

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Blanks();
}
