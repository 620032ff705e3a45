using System;
using System.Collections.Generic;
using KestrelFdmTransport;
using KestrelFdmTransport.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a health check of the FDM transport.</summary>
public static class HealthChecksBuilderFdmExtensions
{
    /// <summary>
    /// Adds a check of <see cref="IFdmTransport"/>. It fails while an event loop cannot be woken, and after one has
    /// been given up. It is degraded while too many callbacks are stalled, and for ten seconds after accepting has
    /// paused for want of descriptors or memory.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="name">The name of the check; two checks may not have the same.</param>
    /// <param name="failureStatus">The status when the check fails; <see cref="HealthStatus.Unhealthy"/> if it is
    /// null.</param>
    /// <param name="tags">Tags by which endpoints select checks.</param>
    /// <param name="timeout">A time limit, which the check does not need: it waits for nothing.</param>
    /// <returns>The same builder.</returns>
    /// <remarks>
    /// The check has the statistics as data. It is healthy where the transport cannot run: Sockets serves, and the
    /// description says why.
    /// </remarks>
    public static IHealthChecksBuilder AddFdmTransport(
        this IHealthChecksBuilder builder,
        string name = "fdm-transport",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name,
            static services => new TransportHealthCheck(services.GetRequiredService<IFdmTransport>()),
            failureStatus,
            tags,
            timeout));
    }
}
