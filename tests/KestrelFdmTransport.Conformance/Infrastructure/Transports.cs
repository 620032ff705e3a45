using System;
using System.Collections.Generic;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
#if FDM
using System.Linq;
using Microsoft.Extensions.DependencyInjection;
#endif

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>Puts a host on a transport. Outside the <c>Fdm</c> folder only this file knows the library.</summary>
internal static class Transports
{
    /// <summary>Set by <c>tests/conformance --full</c>.</summary>
    public static readonly bool IsFull =
        string.Equals(Environment.GetEnvironmentVariable("CONFORMANCE_FULL"), "1", StringComparison.Ordinal);

#if FDM
    public static IReadOnlyList<TransportKind> All { get; } = Enum.GetValues<TransportKind>();

    public static IReadOnlyList<TransportKind> Main { get; } =
        IsFull ? All : [TransportKind.Sockets, TransportKind.Fdm];
#else
    public static IReadOnlyList<TransportKind> All { get; } = [TransportKind.Sockets];

    public static IReadOnlyList<TransportKind> Main => All;
#endif

    public static void Use(IWebHostBuilder host, TransportKind transport, TransportSettings settings)
    {
        if (transport == TransportKind.Sockets)
        {
            UseSockets(host, settings);
            return;
        }

#if FDM
        UseFdm(host, transport, settings);
#else
        throw new ArgumentOutOfRangeException(nameof(transport), transport, "This build has no such transport.");
#endif
    }

    /// <summary>The event loops of the host's transport; none for Sockets.</summary>
    public static IReadOnlyList<LoopSnapshot> Loops(IServiceProvider services)
    {
#if FDM
        FdmTransportFactory? factory = services.GetService<FdmTransportFactory>();
        return factory is null
            ? []
            : [.. factory.GetLoopStatistics().Select(
                loop => new LoopSnapshot(loop.Name, loop.Connections, loop.Accepts, loop.Stalls))];
#else
        _ = services;
        return [];
#endif
    }

    /// <summary>False on a transport that has no such timeout.</summary>
    public static bool TrySetIdleTimeout(ConnectionContext connection, TimeSpan timeout)
    {
#if FDM
        if (connection.Features.Get<IFdmConnectionFeature>() is { } feature)
        {
            feature.IdleTimeout = timeout;
            return true;
        }
#else
        _ = (connection, timeout);
#endif
        return false;
    }

#if FDM
    /// <summary>The scheduling and the number of loops that a kind stands for.</summary>
    public static void Configure(FdmTransportOptions options, TransportKind transport)
    {
        if (transport == TransportKind.FdmEagerTwoLoops)
        {
            options.StallThreshold = TimeSpan.Zero;
        }

        (options.Scheduling, options.LoopCount) = transport switch
        {
            TransportKind.Fdm => (options.Scheduling, 2),
            TransportKind.FdmAdaptiveOneLoop => (ApplicationScheduling.Adaptive, 1),
            TransportKind.FdmAdaptiveEightLoops => (ApplicationScheduling.Adaptive, 8),
            TransportKind.FdmEagerTwoLoops => (ApplicationScheduling.Adaptive, 2),
            TransportKind.FdmInlineOneLoop => (ApplicationScheduling.Inline, 1),
            TransportKind.FdmInlineTwoLoops => (ApplicationScheduling.Inline, 2),
            TransportKind.FdmInlineEightLoops => (ApplicationScheduling.Inline, 8),
            TransportKind.FdmThreadPoolOneLoop => (ApplicationScheduling.ThreadPool, 1),
            TransportKind.FdmThreadPoolTwoLoops => (ApplicationScheduling.ThreadPool, 2),
            TransportKind.FdmThreadPoolEightLoops => (ApplicationScheduling.ThreadPool, 8),
            _ => throw new ArgumentOutOfRangeException(
                nameof(transport), transport, "This is no kind of this transport."),
        };
    }
#endif

    private static void UseSockets(IWebHostBuilder host, TransportSettings settings)
    {
        host.UseSockets(options =>
        {
            options.Backlog = settings.Backlog ?? options.Backlog;
            options.NoDelay = settings.NoDelay ?? options.NoDelay;
            options.MaxReadBufferSize = settings.MaxReadBufferSize is { } read ? read.Bytes : options.MaxReadBufferSize;
            options.MaxWriteBufferSize =
                settings.MaxWriteBufferSize is { } write ? write.Bytes : options.MaxWriteBufferSize;
            options.CreateBoundListenSocket = settings.CreateBoundListenSocket ?? options.CreateBoundListenSocket;
        });
    }

#if FDM
    private static void UseFdm(IWebHostBuilder host, TransportKind transport, TransportSettings settings)
    {
        host.UseFdmTransport(options =>
        {
            Configure(options, transport);
            options.Backlog = settings.Backlog ?? options.Backlog;
            options.NoDelay = settings.NoDelay ?? options.NoDelay;
            options.MaxReadBufferSize = settings.MaxReadBufferSize is { } read ? read.Bytes : options.MaxReadBufferSize;
            options.MaxWriteBufferSize =
                settings.MaxWriteBufferSize is { } write ? write.Bytes : options.MaxWriteBufferSize;
            options.CreateBoundListenSocket = settings.CreateBoundListenSocket ?? options.CreateBoundListenSocket;
        });
    }
#endif
}
