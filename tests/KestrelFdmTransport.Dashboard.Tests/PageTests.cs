using System;
using System.Net;
using System.Net.Http;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

public sealed partial class PageTests
{
    [Fact]
    public async Task In_development_the_page_is_served()
    {
        await using DashboardHost host = await DashboardHost.StartAsync();

        using HttpResponseMessage response = await host.Client.GetAsync("/fdm").Within();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Contains("<h1>FDM transport</h1>", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_may_load_nothing_but_its_events_and_may_not_be_framed()
    {
        await using DashboardHost host = await DashboardHost.StartAsync();

        using HttpResponseMessage response = await host.Client.GetAsync("/fdm").Within();

        string policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Matches(
            "^default-src 'none'; script-src 'sha256-[^' ]{44}'; style-src 'sha256-[^' ]{44}'; img-src data:; "
            + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$",
            policy);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task The_page_names_no_other_address()
    {
        await using DashboardHost host = await DashboardHost.StartAsync();

        string page = await host.Client.GetStringAsync("/fdm").Within();

        Assert.DoesNotMatch(OtherAddress(), page.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/fdm/", "/fdm/events")]
    [InlineData("/base/fdm", "/base/fdm/events")]
    public async Task A_trailing_slash_and_a_path_base_are_fine(string page, string events)
    {
        await using DashboardHost host = await DashboardHost.StartAsync(map: app =>
        {
            app.UsePathBase("/base");
            app.UseRouting();
            app.MapFdmDashboard("/fdm/");
        });

        using HttpResponseMessage response = await host.Client.GetAsync(page).Within();
        using EventReader reader = await EventReader.OpenAsync(host.Client, events);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotNull(await reader.NextAsync());
    }

    [GeneratedRegex(@"//[a-z]|@import|url\(", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex OtherAddress();
}
