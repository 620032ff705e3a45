using System;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>An application on loopback whose dashboard is at /fdm.</summary>
internal sealed class DashboardHost : IAsyncDisposable
{
    private DashboardHost(WebApplication application)
    {
        Application = application;
        Client = new HttpClient { BaseAddress = new Uri(application.Urls.Single()) };
    }

    public WebApplication Application { get; }

    public HttpClient Client { get; }

    public Sampler Sampler => Application.Services.GetRequiredService<EndpointDataSource>().Endpoints
        .Select(endpoint => endpoint.Metadata.GetMetadata<Sampler>()).First(sampler => sampler is not null)!;

    public static Task<DashboardHost> StartAsync(DashboardSettings settings)
        => StartAsync(map: app => app.MapFdmDashboard("/fdm", settings));

    public static async Task<DashboardHost> StartAsync(
        string? environment = null,
        Action<WebApplicationBuilder>? configure = null,
        Action<WebApplication>? map = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            EnvironmentName = environment ?? Environments.Development,
        });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (configure is null)
        {
            builder.WebHost.UseFdmTransport(options => options.LoopCount = 2);
        }
        else
        {
            configure(builder);
        }

        WebApplication application = builder.Build();
        application.MapGet("/", static context => context.Response.WriteAsync("Hello"));
        application.MapGet("/block", static context =>
        {
            Thread.Sleep(10);
            return context.Response.WriteAsync("Hello");
        });
        (map ?? (app => app.MapFdmDashboard("/fdm")))(application);
        await application.StartAsync();
        return new DashboardHost(application);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Application.DisposeAsync();
    }
}
