using System;
using System.Collections.Generic;
using KestrelFdmTransport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace HelloFdm;

/// <summary>
/// Which transport serves, what its event loops have done since they started, and the connection that asks.
/// </summary>
internal sealed record LoopsReport(
    bool Active,
    string Transport,
    ConnectionReport? Connection,
    ThreadStatistics? Threads,
    IReadOnlyList<EventLoopStatistics> Loops)
{
    public static LoopsReport Create(IServiceProvider services, IFdmConnectionFeature? connection = null)
    {
        FdmTransportFactory? transport = services.GetService<FdmTransportFactory>();
        if (transport is not { IsActive: true })
        {
            return new LoopsReport(
                Active: false,
                $"The FDM transport is not active: the Sockets transport serves. {transport?.InactiveReason}".TrimEnd(),
                null,
                null,
                []);
        }

        IReadOnlyList<EventLoopStatistics> loops = transport.GetLoopStatistics();
        ApplicationScheduling scheduling =
            services.GetRequiredService<IOptions<FdmTransportOptions>>().Value.Scheduling;
        return new LoopsReport(
            Active: true,
            $"FDM transport, {loops.Count} event loop(s), {scheduling} scheduling",
            connection is null ? null : ConnectionReport.Of(connection),
            transport.GetThreadStatistics(),
            loops);
    }
}
