using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>What the health check makes of the statistics.</summary>
public sealed class HealthCheckTests
{
    [Fact]
    public async Task A_server_that_runs_is_healthy_and_shows_its_figures()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Services.AddHealthChecks().AddFdmTransport(),
            application => application.MapHealthChecks("/health"));

        Assert.Equal("200 Healthy", await server.GetAsync("/health"));
        HealthReportEntry entry = await CheckAsync(server.Application.Services);
        Assert.Equal(
            (true, 1, 1, 1),
            (entry.Data["active"], entry.Data["loops"], entry.Data["endpoints"], entry.Data["connections"]));
    }

    [Theory]
    [InlineData(EventLoopState.Failed, "fdm-loop-1 has failed for good.")]
    [InlineData(EventLoopState.CannotBeWoken, "fdm-loop-1 cannot be woken.")]
    public async Task A_loop_that_does_not_work_is_unhealthy(EventLoopState state, string description)
    {
        var transport = new Statistics
        {
            Loops = [new() { Name = "fdm-loop-0" }, new() { Name = "fdm-loop-1", State = state }],
            Endpoints = [Endpoint(TimeSpan.Zero)],
        };

        HealthReportEntry entry = await CheckAsync(transport);

        Assert.Equal((HealthStatus.Unhealthy, description), (entry.Status, entry.Description));
    }

    [Fact]
    public async Task An_endpoint_that_accepts_nothing_is_unhealthy()
    {
        var endpoint = new EndpointStatistics
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 80),
            IsAccepting = false
        };

        HealthReportEntry entry = await CheckAsync(new Statistics { Endpoints = [endpoint] });

        Assert.Equal(
            (HealthStatus.Unhealthy, "127.0.0.1:80 accepts no connections."), (entry.Status, entry.Description));
    }

    [Theory]
    [InlineData(0, HealthStatus.Degraded)]
    [InlineData(9, HealthStatus.Degraded)]
    [InlineData(10, HealthStatus.Healthy)]
    [InlineData(null, HealthStatus.Healthy)]
    public async Task A_pause_in_accepting_degrades_for_ten_seconds(int? secondsAgo, HealthStatus expected)
    {
        TimeSpan? ago = secondsAgo is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

        HealthReportEntry entry = await CheckAsync(new Statistics { Endpoints = [Endpoint(null), Endpoint(ago)] });

        Assert.Equal(expected, entry.Status);
    }

    [Fact]
    public async Task Too_many_stalled_callbacks_degrade()
    {
        var threads = new ThreadStatistics { StalledThreads = 64, IsStandbyLimitReached = true };

        HealthReportEntry entry = await CheckAsync(new Statistics { Threads = threads });

        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Equal(64, entry.Data["stalledThreads"]);
    }

    [Fact]
    public async Task Where_Sockets_serves_the_check_is_healthy_and_says_why()
    {
        HealthReportEntry entry = await CheckAsync(new Statistics { InactiveReason = "it is forbidden." });

        Assert.Equal(
            (HealthStatus.Healthy, "Sockets serves: it is forbidden."), (entry.Status, entry.Description));
        Assert.Equal(false, entry.Data["active"]);
    }

    [Fact]
    public async Task The_figures_of_loops_and_endpoints_are_summed()
    {
        HealthReportEntry entry = await CheckAsync(new Statistics
        {
            Loops =
            [
                new() { Name = "fdm-loop-0", Connections = 3, AcceptPauses = 1, Utilization = 0.75 },
                new() { Name = "fdm-loop-1", Connections = 4, AcceptPauses = 2, Utilization = 0.5 },
            ],
            Endpoints = [Endpoint(null), Endpoint(null)],
            Threads = new() { Handoffs = 5, StandbyThreads = 6, BlockingThreads = 8 },
        });

        Assert.Equal(
            "acceptPauses=3 acceptQueue=2 active=True blockingThreads=8 connections=7 endpoints=2 handoffs=5 loops=2 "
                + "maxUtilization=0.75 stalledThreads=0 standbyThreads=6",
            string.Join(' ', entry.Data.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(
                pair => FormattableString.Invariant($"{pair.Key}={pair.Value}"))));
    }

    [Fact]
    public async Task Name_status_and_tags_are_the_application_s()
    {
        var transport = new Statistics { Loops = [new() { Name = "any", State = EventLoopState.Failed }] };
        await using ServiceProvider services = Services(
            transport, builder => builder.AddFdmTransport("network", HealthStatus.Degraded, ["live"]));

        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        (string name, HealthReportEntry entry) = Assert.Single(report.Entries);
        Assert.Equal(("network", HealthStatus.Degraded, "live"), (name, entry.Status, Assert.Single(entry.Tags)));
    }

    private static EndpointStatistics Endpoint(TimeSpan? pause)
        => new()
        {
            EndPoint = new IPEndPoint(IPAddress.Loopback, 80),
            Queued = 1,
            TimeSinceAcceptPause = pause
        };

    private static async Task<HealthReportEntry> CheckAsync(Statistics transport)
    {
        await using ServiceProvider services = Services(transport, builder => builder.AddFdmTransport());
        return await CheckAsync(services);
    }

    private static async Task<HealthReportEntry> CheckAsync(IServiceProvider services)
    {
        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        return report.Entries["fdm-transport"];
    }

    private static ServiceProvider Services(Statistics transport, Action<IHealthChecksBuilder> add)
    {
        IServiceCollection services = new ServiceCollection().AddLogging().AddSingleton<IFdmTransport>(transport);
        add(services.AddHealthChecks());
        return services.BuildServiceProvider(validateScopes: true);
    }

    private sealed class Statistics : IFdmTransport
    {
        public EventLoopStatistics[] Loops { get; init; } = [];

        public EndpointStatistics[] Endpoints { get; init; } = [];

        public ThreadStatistics Threads { get; init; } = new();

        public bool IsActive => InactiveReason is null;

        public string? InactiveReason { get; init; }

        public IReadOnlyList<EventLoopStatistics> GetLoopStatistics() => Loops;

        public IReadOnlyList<EndpointStatistics> GetEndpointStatistics() => Endpoints;

        public IReadOnlyList<ConnectionStatistics> GetBusiestConnections(int max) => [];

        public Task DrainAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public ThreadStatistics GetThreadStatistics() => Threads;
    }
}
