using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

public sealed class EventsTests
{
    private static readonly DashboardSettings s_fast = new() { Period = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task An_event_has_every_loop_and_every_endpoint()
    {
        await using DashboardHost host = await DashboardHost.StartAsync();
        using EventReader reader = await EventReader.OpenAsync(host.Client);

        JsonElement report = Assert.NotNull(await reader.NextAsync());

        Assert.False(report.TryGetProperty("inactiveReason", out _));
        Assert.Collection(
            report.GetProperty("loops").EnumerateArray(),
            loop => Assert.Equal("fdm-loop-0", loop.GetProperty("name").GetString()),
            loop => Assert.Equal("fdm-loop-1", loop.GetProperty("name").GetString()));
        JsonElement endpoint = Assert.Single(report.GetProperty("endpoints").EnumerateArray());
        Assert.Equal(host.Client.BaseAddress!.Authority, endpoint.GetProperty("name").GetString());
    }

    [Fact]
    public async Task Counters_rise_with_the_traffic()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(s_fast);
        using EventReader reader = await EventReader.OpenAsync(host.Client);
        long before = Dispatched(Assert.NotNull(await reader.NextAsync()));

        for (int i = 0; i < 100; i++)
        {
            await host.Client.GetStringAsync("/").Within();
        }

        await reader.NextAsync(report => Dispatched(report) >= before + 100);
    }

    [Fact]
    public async Task Nothing_is_sampled_until_a_viewer_comes_and_after_the_last_has_gone()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(s_fast);
        await host.Client.GetStringAsync("/fdm").Within();
        Assert.False(host.Sampler.IsRunning);
        Assert.Equal(0, host.Sampler.Samples);

        using (EventReader first = await EventReader.OpenAsync(host.Client))
        using (EventReader second = await EventReader.OpenAsync(host.Client))
        {
            Assert.NotNull(await first.NextAsync());
            Assert.NotNull(await second.NextAsync());
            Assert.Equal(2, host.Sampler.Viewers);
        }

        Eventually.Until(() => host.Sampler.Viewers == 0);
        Assert.False(host.Sampler.IsRunning);

        using EventReader next = await EventReader.OpenAsync(host.Client);
        Assert.NotNull(await next.NextAsync());
    }

    [Fact]
    public async Task A_viewer_beyond_the_limit_is_refused_until_another_has_gone()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(new DashboardSettings { MaxViewers = 2 });
        using EventReader first = await EventReader.OpenAsync(host.Client);
        using (await EventReader.OpenAsync(host.Client))
        {
            using HttpResponseMessage refused = await host.Client.GetAsync("/fdm/events").Within();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(10), refused.Headers.RetryAfter?.Delta);
        }

        Eventually.Until(() => host.Sampler.Viewers == 1);
        using EventReader third = await EventReader.OpenAsync(host.Client);
        Assert.NotNull(await third.NextAsync());
    }

    [Fact]
    public async Task A_viewer_that_does_not_read_is_disconnected()
    {
        await using DashboardHost host = await StartWithLargeReportsAsync(TimeSpan.FromSeconds(1));
        using TcpClient stuck = await OpenAndDoNotReadAsync(host);

        Eventually.Until(() => host.Sampler.Viewers == 0);

        Assert.False(host.Sampler.IsRunning);
        await Assert.ThrowsAsync<IOException>(() => stuck.GetStream().CopyToAsync(Stream.Null).Within());
    }

    [Fact]
    public async Task A_viewer_that_does_not_read_does_not_hold_up_the_end_of_the_host()
    {
        await using DashboardHost host = await StartWithLargeReportsAsync(writeTimeout: TimeSpan.FromHours(1));
        using TcpClient stuck = await OpenAndDoNotReadAsync(host);

        // By then far more was sampled than the connection holds.
        Eventually.Until(() => host.Sampler.Samples > 100);
        using var abort = new CancellationTokenSource();
        await host.Application.StopAsync(abort.Token).Within();

        Assert.Equal(0, host.Sampler.Viewers);
    }

    [Fact]
    public async Task A_stream_ends_after_its_time_and_the_viewer_may_come_again()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            new DashboardSettings { MaxDuration = TimeSpan.FromMilliseconds(100) });

        for (int i = 0; i < 2; i++)
        {
            using EventReader reader = await EventReader.OpenAsync(host.Client);
            while (await reader.NextAsync() is not null)
            {
                // until its end
            }
        }

        Eventually.Until(() => host.Sampler.Viewers == 0);
    }

    [Fact]
    public async Task Viewers_do_not_hold_up_the_end_of_the_host()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(new DashboardSettings());
        using EventReader first = await EventReader.OpenAsync(host.Client);
        using EventReader second = await EventReader.OpenAsync(host.Client);
        Assert.NotNull(await first.NextAsync());

        // A graceful stop: the token would turn it into an abort, so it may never be needed.
        using var abort = new CancellationTokenSource();
        await host.Application.StopAsync(abort.Token).Within();

        while (await first.NextAsync() is not null || await second.NextAsync() is not null)
        {
            // A stream that was cut off would throw.
        }

        Assert.Equal(0, host.Sampler.Viewers);
    }

    [Fact]
    public async Task Each_of_two_hosts_shows_its_own_transport()
    {
        await using DashboardHost first = await DashboardHost.StartAsync(s_fast);
        await using DashboardHost second = await DashboardHost.StartAsync(s_fast);
        using EventReader ofFirst = await EventReader.OpenAsync(first.Client);
        using EventReader ofSecond = await EventReader.OpenAsync(second.Client);

        Assert.Equal(first.Client.BaseAddress!.Authority, EndpointOf(await ofFirst.NextAsync()));
        Assert.Equal(second.Client.BaseAddress!.Authority, EndpointOf(await ofSecond.NextAsync()));
    }

    [Fact]
    public async Task Where_the_transport_cannot_run_the_events_say_why()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(configure: builder =>
            builder.Services.AddSingleton<IFdmTransport>(new FakeTransport { InactiveReason = "epoll is refused." }));
        using EventReader reader = await EventReader.OpenAsync(host.Client);

        JsonElement report = Assert.NotNull(await reader.NextAsync());

        Assert.Equal("epoll is refused.", report.GetProperty("inactiveReason").GetString());
        Assert.Empty(report.GetProperty("loops").EnumerateArray());
    }

    [Fact]
    public async Task Without_the_transport_the_events_say_so()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(configure: static _ => { });
        using EventReader reader = await EventReader.OpenAsync(host.Client);

        JsonElement report = Assert.NotNull(await reader.NextAsync());

        string? reason = report.GetProperty("inactiveReason").GetString();
        Assert.Contains("UseFdmTransport()", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statistics_that_throw_fail_the_request_and_not_the_process()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(configure: builder =>
            builder.Services.AddSingleton<IFdmTransport>(new FakeTransport { Error = new IOException("broken") }));

        using HttpResponseMessage response = await host.Client.GetAsync("/fdm/events").Within();

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Eventually.Until(() => !host.Sampler.IsRunning);
    }

    [Fact]
    public async Task An_event_is_small()
    {
        await using DashboardHost host = await DashboardHost.StartAsync();
        using EventReader reader = await EventReader.OpenAsync(host.Client);

        JsonElement report = Assert.NotNull(await reader.NextAsync());

        Assert.InRange(Encoding.UTF8.GetByteCount(report.GetRawText()), 1, 1024);
    }

    /// <summary>The buffers of a connection are soon full of them.</summary>
    private static Task<DashboardHost> StartWithLargeReportsAsync(TimeSpan writeTimeout)
    {
        var settings = new DashboardSettings { Period = TimeSpan.FromMilliseconds(20), WriteTimeout = writeTimeout };
        return DashboardHost.StartAsync(
            configure: builder =>
            {
                builder.Services.AddSingleton<IFdmTransport>(new FakeTransport { Loops = 1_000 });
                builder.WebHost.UseFdmTransport();
                // Else Kestrel might be the one that aborts the connection.
                builder.WebHost.ConfigureKestrel(options => options.Limits.MinResponseDataRate = null);
            },
            map: app => app.MapFdmDashboard("/fdm", settings));
    }

    private static async Task<TcpClient> OpenAndDoNotReadAsync(DashboardHost host)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(IPAddress.Loopback, host.Client.BaseAddress!.Port);
        await client.GetStream().WriteAsync("GET /fdm/events HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());
        Eventually.Until(() => host.Sampler.Samples > 0);
        return client;
    }

    private static long Dispatched(JsonElement report)
        => report.GetProperty("loops").EnumerateArray()
            .SelectMany(loop => loop.GetProperty("dispatched").EnumerateArray()).Sum(count => count.GetInt64());

    private static string? EndpointOf(JsonElement? report)
        => Assert.NotNull(report).GetProperty("endpoints").EnumerateArray().Single().GetProperty("name").GetString();
}
