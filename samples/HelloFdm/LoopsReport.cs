using System;
using System.Collections.Generic;
using KestrelFdmTransport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace HelloFdm;

/// <summary>Which transport serves, what its event loops have done since they started, and the connection that asks.</summary>
internal sealed record LoopsReport(bool Active, string Transport, ConnectionReport? Connection, ThreadStatistics? Threads, IReadOnlyList<EventLoopStatistics> Loops)
{
    public static LoopsReport Create(IServiceProvider services, IFdmConnectionFeature? connection = null)
    {
        // Loops start with the first endpoint, so a running server without loops is served by another transport.
        IReadOnlyList<EventLoopStatistics> loops = services.GetService<FdmTransportFactory>()?.GetLoopStatistics() ?? [];
        if (loops.Count == 0)
        {
            return new LoopsReport(Active: false, "The FDM transport is not active: the Sockets transport serves. The log says why.", null, null, loops);
        }

        ApplicationScheduling scheduling = services.GetRequiredService<IOptions<FdmTransportOptions>>().Value.Scheduling;
        return new LoopsReport(
            Active: true,
            $"FDM transport, {loops.Count} event loop(s), {scheduling} scheduling",
            connection is null ? null : ConnectionReport.Of(connection),
            services.GetRequiredService<FdmTransportFactory>().GetThreadStatistics(),
            loops);
    }
}
