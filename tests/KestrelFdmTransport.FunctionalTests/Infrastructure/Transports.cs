using System;
using System.Collections.Generic;
using Microsoft.AspNetCore.Hosting;
#if FDM
using System.Linq;
using Microsoft.Extensions.DependencyInjection;
#endif

namespace KestrelFdmTransport.FunctionalTests.Infrastructure;

/// <summary>Puts a host on a transport. Outside the <c>Fdm</c> folder only this file knows the library.</summary>
internal static class Transports
{
#if FDM
    public const int LoopCount = 2;

    public static IReadOnlyList<TransportKind> Available { get; } =
        [TransportKind.Sockets, TransportKind.FdmInline, TransportKind.FdmThreadPool];
#else
    public static IReadOnlyList<TransportKind> Available { get; } = [TransportKind.Sockets];
#endif

    public static void Use(IWebHostBuilder host, TransportKind transport, TransportSettings settings)
    {
        switch (transport)
        {
            case TransportKind.Sockets:
                UseSockets(host, settings);
                break;
#if FDM
            case TransportKind.FdmInline:
                UseFdm(host, ApplicationScheduling.Inline, settings);
                break;
            case TransportKind.FdmThreadPool:
                UseFdm(host, ApplicationScheduling.ThreadPool, settings);
                break;
#endif
            default:
                throw new ArgumentOutOfRangeException(nameof(transport), transport, "This build has no such transport.");
        }
    }

    /// <summary>The event loops of the host's transport; none for Sockets.</summary>
    public static IReadOnlyList<LoopSnapshot> Loops(IServiceProvider services)
    {
#if FDM
        FdmTransportFactory? factory = services.GetService<FdmTransportFactory>();
        return factory is null
            ? []
            : [.. factory.GetLoopStatistics().Select(loop => new LoopSnapshot(loop.Name, loop.Connections, loop.Accepts))];
#else
        _ = services;
        return [];
#endif
    }

    private static void UseSockets(IWebHostBuilder host, TransportSettings settings)
    {
        host.UseSockets(options =>
        {
            options.Backlog = settings.Backlog ?? options.Backlog;
            options.NoDelay = settings.NoDelay ?? options.NoDelay;
            options.CreateBoundListenSocket = settings.CreateBoundListenSocket ?? options.CreateBoundListenSocket;
        });
    }

#if FDM
    private static void UseFdm(IWebHostBuilder host, ApplicationScheduling scheduling, TransportSettings settings)
    {
        host.UseFdmTransport(options =>
        {
            options.Scheduling = scheduling;
            options.LoopCount = LoopCount;
            options.Backlog = settings.Backlog ?? options.Backlog;
            options.NoDelay = settings.NoDelay ?? options.NoDelay;
            options.CreateBoundListenSocket = settings.CreateBoundListenSocket ?? options.CreateBoundListenSocket;
        });
    }
#endif
}
