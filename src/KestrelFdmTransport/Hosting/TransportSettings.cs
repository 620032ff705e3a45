using System;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Hosting;

/// <summary>Makes the settings of loops and connections from the options.</summary>
internal static class TransportSettings
{
    private const string FinOnErrorSwitch = "Microsoft.AspNetCore.Server.Kestrel.FinOnError";

    internal static ConnectionSettings ForConnections(FdmTransportOptions options, ILogger logger) => new()
    {
        RunsInline = options.Scheduling == ApplicationScheduling.Inline || options.DisableCostTracking,
        Adapts = options.Scheduling == ApplicationScheduling.Adaptive && !options.DisableCostTracking,
        FinOnError = AppContext.TryGetSwitch(FinOnErrorSwitch, out bool finOnError) && finOnError,
        ReadPauseThreshold = options.MaxReadBufferSize ?? 0,
        WritePauseThreshold = options.MaxWriteBufferSize ?? 0,
        IdleTimeout = IdleTimeout.Milliseconds(options.IdleTimeout),
        Logger = logger,
    };

    internal static EventLoopSettings ForLoops(FdmTransportOptions options) => new()
    {
        LoopCount = options.LoopCount,
        SpinDuration = options.SpinDuration,
        AllowsHandoff = options.Scheduling == ApplicationScheduling.Adaptive,
        StallThreshold = options.StallThreshold,
        MaxStandbyThreads = options.MaxStandbyThreads,
        MaxBlockingThreads = options.MaxBlockingThreads,
        MigratesConnections = options.RebalanceConnections,
        Policy = PollingPolicy.Default with
        {
            Enabled = options.PollingSets,
            HotGap = PollingPolicy.TicksOf(options.HotGap),
            WarmGap = PollingPolicy.TicksOf(options.WarmGap),
        },
    };
}
