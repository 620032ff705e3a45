using System;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Hosting;

/// <summary>Makes the settings of loops and connections from the options.</summary>
internal static class TransportSettings
{
    private const string FinOnErrorSwitch = "Microsoft.AspNetCore.Server.Kestrel.FinOnError";

    internal static ConnectionSettings ForConnections(FdmTransportOptions options, ILogger logger) => new()
    {
        Endpoint = new EndpointProfile(
            options.DisableCostTracking ? ApplicationScheduling.Inline : options.Scheduling),
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
        RebalancesConnections = options.RebalanceConnections,
        Policy = PollingPolicy.Default with
        {
            Enabled = options.PollingSets,
            HotGap = StopwatchTime.Ticks(options.HotGap),
            WarmGap = StopwatchTime.Ticks(options.WarmGap),
        },
    };
}
