using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace KestrelFdmTransport.Dashboard;

/// <summary>Whether a request may see the dashboard at all.</summary>
internal static class DashboardAccess
{
    /// <remarks>
    /// The routing of ASP.NET Core refuses to run an endpoint with <see cref="IAuthorizeData"/> unless the
    /// authorization middleware has let the request pass. So this needs no policy, only that there is one in force:
    /// <see cref="IAllowAnonymous"/> would switch it off.
    /// </remarks>
    internal static bool IsAllowed(HttpContext context, IHostEnvironment? environment)
    {
        EndpointMetadataCollection? metadata = context.GetEndpoint()?.Metadata;
        bool requiresAuthorization =
            metadata?.GetMetadata<IAuthorizeData>() is not null && metadata.GetMetadata<IAllowAnonymous>() is null;
        return requiresAuthorization || environment?.IsDevelopment() == true;
    }
}
