using System;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

public sealed class AccessTests
{
    private static readonly string s_production = Environments.Production;

    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    [InlineData("Testing")]
    public async Task Outside_development_it_is_not_found(string environment)
    {
        await using DashboardHost host = await DashboardHost.StartAsync(environment);

        await AssertStatus(host, HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("guest", HttpStatusCode.Forbidden)]
    [InlineData("operator", HttpStatusCode.OK)]
    public async Task With_a_policy_the_policy_decides(string? role, HttpStatusCode expected)
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            s_production,
            HeaderAuthentication.AddTo,
            app => app.MapFdmDashboard("/fdm").RequireAuthorization(HeaderAuthentication.Policy));

        await AssertStatus(host, expected, role);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("operator", HttpStatusCode.OK)]
    public async Task The_policy_of_a_group_around_it_decides_too(string? role, HttpStatusCode expected)
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            s_production,
            HeaderAuthentication.AddTo,
            app => app.MapGroup("").RequireAuthorization().MapFdmDashboard("/fdm"));

        await AssertStatus(host, expected, role);
    }

    [Fact]
    public async Task A_policy_holds_in_development_too()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            Environments.Development,
            HeaderAuthentication.AddTo,
            app => app.MapFdmDashboard("/fdm").RequireAuthorization(HeaderAuthentication.Policy));

        await AssertStatus(host, HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Allowing_anonymous_clients_does_not_open_it()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            s_production,
            HeaderAuthentication.AddTo,
            app => app.MapFdmDashboard("/fdm").RequireAuthorization().AllowAnonymous());

        await AssertStatus(host, HttpStatusCode.NotFound, "operator");
    }

    [Fact]
    public async Task A_fallback_policy_does_not_open_it()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            s_production,
            builder =>
            {
                HeaderAuthentication.AddTo(builder);
                builder.Services.AddAuthorizationBuilder()
                    .SetFallbackPolicy(new([new Microsoft.AspNetCore.Authorization.Infrastructure.
                        DenyAnonymousAuthorizationRequirement()], []));
            });

        await AssertStatus(host, HttpStatusCode.NotFound, "operator");
    }

    [Fact]
    public async Task A_policy_that_nothing_enforces_does_not_open_it()
    {
        await using DashboardHost host = await DashboardHost.StartAsync(
            s_production,
            builder => builder.WebHost.UseFdmTransport(),
            app => app.MapFdmDashboard("/fdm").RequireAuthorization());

        await AssertStatus(host, HttpStatusCode.InternalServerError);
    }

    private static async Task AssertStatus(DashboardHost host, HttpStatusCode expected, string? role = null)
    {
        foreach (string path in new[] { "/fdm", "/fdm/", "/fdm/events" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
            if (role is not null)
            {
                request.Headers.Add(HeaderAuthentication.Header, role);
            }

            using HttpResponseMessage response =
                await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Within();
            Assert.Equal(expected, response.StatusCode);
        }

        if (expected != HttpStatusCode.OK)
        {
            Assert.Equal(0, host.Sampler.Samples);
        }
    }
}
