using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Hosting;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Diagnostics;

/// <summary>
/// The meter through the OpenTelemetry SDK and the exporter for Prometheus, and the dashboard over what comes out.
/// </summary>
[Collection(NonParallel.Name)]
public sealed partial class PrometheusTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "docs", "observability");

    [Fact]
    public async Task Each_instrument_has_a_series_with_its_tags()
    {
        await using SmallServer server = await StartAsync();
        int transport = server.Application.Services.GetRequiredService<FdmTransportFactory>().Number;
        string[] lines = (await server.GetAsync("/metrics")).Split('\n');

        string port = new Uri(server.Application.Urls.Single()).Port.ToString(CultureInfo.InvariantCulture);
        AssertHas("fdm_loop_connections", 1, "fdm_loop=\"0\"");
        AssertHas("fdm_loop_accepts_total", 1, "fdm_loop=\"0\"");
        AssertHas("fdm_endpoint_accepts_total", 1, "server_address=\"127.0.0.1\"", $"server_port=\"{port}\"");
        AssertHas("fdm_endpoint_queued", 0, "server_address=\"127.0.0.1\"", $"server_port=\"{port}\"");
        AssertHas("fdm_threads_stalled", 0);
        Assert.Equal(
            ["cold", "hot", "warm"],
            lines.Where(line => Is(line, "fdm_set_queue_delay_seconds_total"))
                .Select(line => SetTag().Match(line).Groups["set"].Value)
                .Order(StringComparer.Ordinal),
            StringComparer.Ordinal);

        void AssertHas(string name, int value, params string[] tags)
        {
            string line = Assert.Single(lines, line => Is(line, name));
            Assert.All(tags, tag => Assert.Contains(tag, line, StringComparison.Ordinal));
            Assert.Equal(value.ToString(CultureInfo.InvariantCulture), line.Split("} ")[1].Split(' ')[0]);
        }

        bool Is(string line, string name)
            => line.StartsWith($"{name}{{", StringComparison.Ordinal)
                && line.Contains($"fdm_transport=\"{transport}\"", StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_dashboard_asks_for_series_that_exist_and_leaves_out_no_instrument()
    {
        await using SmallServer server = await StartAsync();
        HashSet<string> exported = Exported(await server.GetAsync("/metrics"));
        HashSet<string> asked = NamesIn(File.ReadAllText(Path.Combine(s_folder, "grafana-dashboard.json")));

        Assert.Empty(asked.Except(exported, StringComparer.Ordinal));
        Assert.Empty(exported.Except(asked, StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_alerts_ask_for_series_that_exist()
    {
        await using SmallServer server = await StartAsync();
        HashSet<string> exported = Exported(await server.GetAsync("/metrics"));
        HashSet<string> asked = NamesIn(File.ReadAllText(Path.Combine(s_folder, "prometheus-alerts.yml")));

        Assert.NotEmpty(asked);
        Assert.Empty(asked.Except(exported, StringComparer.Ordinal));
    }

    private static Task<SmallServer> StartAsync()
        => SmallServer.StartAsync(
            builder => builder.Services.AddOpenTelemetry().WithMetrics(
                metrics => metrics.AddMeter(FdmTransportDiagnostics.MeterName).AddPrometheusExporter()),
            application => application.MapPrometheusScrapingEndpoint());

    private static HashSet<string> Exported(string metrics)
        => [.. metrics.Split('\n').Select(line => line.Split('{')[0]).Where(
            name => name.StartsWith("fdm_", StringComparison.Ordinal))];

    private static HashSet<string> NamesIn(string text)
        => [.. Series().Matches(text).Select(match => match.Value)];

    [GeneratedRegex("""\bfdm_(loop|set|endpoint|threads|handoffs)_\w+""", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex Series();

    [GeneratedRegex("fdm_set=\"(?<set>\\w+)\"", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex SetTag();
}
