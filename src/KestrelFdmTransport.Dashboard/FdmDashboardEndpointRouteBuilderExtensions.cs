using System;
using System.Diagnostics.CodeAnalysis;
using KestrelFdmTransport;
using KestrelFdmTransport.Dashboard;
using Microsoft.AspNetCore.Routing;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Adds the dashboard of the FDM transport to an application.</summary>
public static class FdmDashboardEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps a page that shows what the event loops of <see cref="IFdmTransport"/> do, once a second, and
    /// <c>/events</c> below it, from which the page gets its figures as server-sent events.
    /// </summary>
    /// <param name="endpoints">The application, or a group of its routes.</param>
    /// <param name="pattern">The route of the page, such as <c>/fdm</c>.</param>
    /// <returns>A builder for both routes: call <c>RequireAuthorization</c> on it to open them in production.</returns>
    /// <remarks>
    /// <para>
    /// Outside the environment Development both routes answer 404 unless they require authorization, by
    /// <c>RequireAuthorization</c> on the result or on a group around it. <c>AllowAnonymous</c> does not open them.
    /// </para>
    /// <para>
    /// Nothing runs while the page is open nowhere. All viewers share one sample a second. There are 16 viewers at
    /// most; the next one gets 503. A viewer's stream ends after 10 minutes, so that its authorization is checked
    /// again. The page then continues by itself.
    /// </para>
    /// <para>
    /// Where the transport cannot run, or <c>UseFdmTransport</c> has not been called, the page says so.
    /// </para>
    /// </remarks>
    public static IEndpointConventionBuilder MapFdmDashboard(
        this IEndpointRouteBuilder endpoints,
        [StringSyntax("Route")] string pattern)
        => endpoints.MapFdmDashboard(pattern, new DashboardSettings());

    internal static IEndpointConventionBuilder MapFdmDashboard(
        this IEndpointRouteBuilder endpoints,
        string pattern,
        DashboardSettings settings)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        return new DashboardEndpoints(endpoints.ServiceProvider, settings).Map(endpoints, pattern);
    }
}
