using System;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelFdmTransport.Dashboard;

/// <summary>The two routes of a dashboard.</summary>
internal sealed class DashboardEndpoints
{
    private readonly IServiceProvider _services;
    private readonly DashboardSettings _settings;
    private readonly Sampler _sampler;

    internal DashboardEndpoints(IServiceProvider services, DashboardSettings settings)
    {
        _services = services;
        _settings = settings;
        // Resolved only once a viewer comes: mapping the page does not make a transport.
        _sampler = new Sampler(
            () => DashboardReport.Create(services.GetService<IFdmTransport>()).ToEvent(),
            settings.Period,
            settings.MaxViewers);
    }

    internal IEndpointConventionBuilder Map(IEndpointRouteBuilder endpoints, string pattern)
    {
        RouteGroupBuilder group = endpoints.MapGroup(pattern);
        group.MapGet("", IfAllowed(DashboardPage.ServeAsync)).WithDisplayName("FDM dashboard");
        group.MapGet("events", IfAllowed(ServeEventsAsync)).WithDisplayName("FDM dashboard events")
            .DisableRequestTimeout();
        // A stream of minutes is not a slow request.
        return group.DisableHttpMetrics().ExcludeFromDescription().WithMetadata(_sampler);
    }

    private RequestDelegate IfAllowed(RequestDelegate serve) => context =>
    {
        if (DashboardAccess.IsAllowed(context, _services.GetService<IHostEnvironment>()))
        {
            return serve(context);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    };

    private async Task ServeEventsAsync(HttpContext context)
    {
        using Viewer? viewer = _sampler.TryAddViewer();
        if (viewer is null)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "10";
            await context.Response.WriteAsync("Too many viewers watch this dashboard.\n").ConfigureAwait(false);
            return;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted,
            _services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        end.CancelAfter(_settings.MaxDuration);
        await new EventStream(context, viewer, _settings.WriteTimeout).RunAsync(end.Token).ConfigureAwait(false);
    }
}
