using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>
/// The page in a real browser. With the variable DASHBOARD_PICTURE it writes the picture of the documents to that
/// folder.
/// </summary>
public sealed class BrowserTests(Browser browser) : IClassFixture<Browser>
{
    private const string AreThereDispatches = """
        () => [...document.querySelectorAll('#summary div')].some(pair =>
          pair.children[0].textContent === 'Dispatches/s' && pair.children[1].textContent !== '0')
        """;

    [SkippableTheory]
    [InlineData(ColorScheme.Light, "rgb(246, 247, 249)")]
    [InlineData(ColorScheme.Dark, "rgb(15, 19, 24)")]
    public async Task Under_load_the_page_shows_figures_that_change_in_light_and_dark(
        ColorScheme scheme,
        string background)
    {
        await using BrowserPage viewer = await browser.OpenPageAsync(scheme);
        await using DashboardHost host = await DashboardHost.StartAsync();
        await using var load = new Load(host.Client.BaseAddress!, clients: 16);
        IPage page = viewer.Page;

        await viewer.WatchAsync(host);
        await page.WaitForFunctionAsync(AreThereDispatches);
        string before = await page.Locator("#loops").InnerTextAsync();
        await page.WaitForFunctionAsync("before => document.querySelector('#loops').innerText !== before", before);

        Assert.Equal("Live, once a second.", await viewer.Status.InnerTextAsync());
        Assert.Equal(2, await page.Locator("#loops tbody tr").CountAsync());
        Assert.Equal(1, await page.Locator("#endpoints tbody tr").CountAsync());
        Assert.Equal(2, await page.Locator("#sets .bar[aria-label*=hot]").CountAsync());
        Assert.Equal(2, await page.Locator("#places .bar[aria-label*=blocking]").CountAsync());
        Assert.InRange(await page.Locator("#connections tbody tr").CountAsync(), 1, 20);
        Assert.Equal(
            background,
            await page.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor"));
        Assert.Empty(viewer.Complaints);
        Assert.All(
            viewer.Requests,
            url => Assert.StartsWith(host.Client.BaseAddress!.AbsoluteUri, url, StringComparison.Ordinal));
        await TakePictureAsync(page, scheme);
    }

    [SkippableFact]
    public async Task The_keyboard_reaches_everything()
    {
        await using BrowserPage viewer = await browser.OpenPageAsync();
        await using DashboardHost host = await DashboardHost.StartAsync();
        await viewer.WatchAsync(host);

        IPage page = viewer.Page;
        var reached = new List<string>();
        for (int i = 0; i < 7; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            reached.Add(await page.EvaluateAsync<string>(
                "() => document.activeElement.getAttribute('aria-labelledby') ?? document.activeElement.innerText"));
            Assert.True(await page.EvaluateAsync<bool>("() => document.activeElement.matches(':focus-visible')"));
        }

        string[] expected =
        [
            "Skip to the figures", "Pause", "loops-title", "sets-title", "places-title", "endpoints-title",
            "connections-title",
        ];
        Assert.Equal(expected, reached, StringComparer.Ordinal);
    }

    [SkippableFact]
    public async Task A_pause_disconnects_and_its_end_connects()
    {
        await using BrowserPage viewer = await browser.OpenPageAsync();
        await using DashboardHost host = await DashboardHost.StartAsync();
        await viewer.WatchAsync(host);

        await viewer.Page.Locator("#pause").FocusAsync();
        await viewer.Page.Keyboard.PressAsync("Space");
        Assert.Equal("true", await viewer.Page.Locator("#pause").GetAttributeAsync("aria-pressed"));
        Assert.Equal("Paused.", await viewer.Status.InnerTextAsync());
        Eventually.Until(() => !host.Sampler.IsRunning);

        await viewer.Page.Keyboard.PressAsync("Space");
        await viewer.WaitForStatusAsync("Live");
        Assert.Equal(1, host.Sampler.Viewers);
    }

    [SkippableFact]
    public async Task Where_the_transport_cannot_run_the_page_says_why()
    {
        await using BrowserPage viewer = await browser.OpenPageAsync();
        var transport = new FakeTransport { InactiveReason = "<b>epoll</b> is refused." };
        await using DashboardHost host = await DashboardHost.StartAsync(
            configure: builder => builder.Services.AddSingleton<IFdmTransport>(transport));

        await viewer.Page.GotoAsync(host.Client.BaseAddress + "fdm/");
        await viewer.WaitForStatusAsync("refused");

        Assert.Equal(
            "The FDM transport does not serve this application: <b>epoll</b> is refused.",
            await viewer.Status.InnerTextAsync());
        Assert.False(await viewer.Page.Locator("#figures").IsVisibleAsync());
    }

    [SkippableFact]
    public async Task The_page_says_that_there_are_too_many_viewers()
    {
        await using BrowserPage viewer = await browser.OpenPageAsync();
        await using DashboardHost host = await DashboardHost.StartAsync(new DashboardSettings { MaxViewers = 0 });

        await viewer.Page.GotoAsync(host.Client.BaseAddress + "fdm");

        await viewer.WaitForStatusAsync("too many viewers");
    }

    [SkippableFact]
    public async Task After_the_end_of_its_stream_the_page_goes_on_by_itself()
    {
        await using BrowserPage viewer = await browser.OpenPageAsync();
        await using DashboardHost host =
            await DashboardHost.StartAsync(new DashboardSettings { MaxDuration = TimeSpan.FromSeconds(1) });
        await viewer.WatchAsync(host);

        await viewer.WaitForStatusAsync("Disconnected");

        await viewer.WaitForStatusAsync("Live");
    }

    private static async Task TakePictureAsync(IPage page, ColorScheme scheme)
    {
        if (Environment.GetEnvironmentVariable("DASHBOARD_PICTURE") is { Length: > 0 } folder)
        {
            // A minute, so that its curves have something to show.
            await page.WaitForTimeoutAsync(60_000);
            await page.ScreenshotAsync(new PageScreenshotOptions
            {
                Path = Path.Combine(folder, scheme == ColorScheme.Dark ? "dashboard-dark.png" : "dashboard.png"),
                FullPage = true,
            });
        }
    }
}
