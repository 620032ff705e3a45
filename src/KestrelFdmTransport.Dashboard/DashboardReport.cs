using System.Diagnostics;
using System.Linq;
using System.Text.Json;

namespace KestrelFdmTransport.Dashboard;

/// <summary>One sample, as the page gets it. Counters are totals; the page makes rates of them.</summary>
internal sealed class DashboardReport
{
    private const int MaxConnections = 20;

    /// <summary>Why the transport does not serve; null if it does.</summary>
    public string? InactiveReason { get; init; }

    /// <summary>When the sample was taken, in milliseconds from a point that only the process knows.</summary>
    public long Time { get; init; }

    public LoopReport[] Loops { get; init; } = [];

    public EndpointReport[] Endpoints { get; init; } = [];

    public ThreadReport? Threads { get; init; }

    /// <summary>The busiest first.</summary>
    public ConnectionReport[] Connections { get; init; } = [];

    internal static DashboardReport Create(IFdmTransport? transport)
    {
        long time = (long)Stopwatch.GetElapsedTime(0).TotalMilliseconds;
        return transport is not { IsActive: true }
            ? new DashboardReport { Time = time, InactiveReason = ReasonOf(transport) }
            : new DashboardReport
            {
                Time = time,
                Loops = [.. transport.GetLoopStatistics().Select(LoopReport.Create)],
                Endpoints = [.. transport.GetEndpointStatistics().Select(EndpointReport.Create)],
                Connections =
                    [.. transport.GetBusiestConnections(MaxConnections).Select(ConnectionReport.Create)],
                Threads = ThreadReport.Create(transport.GetThreadStatistics()),
            };
    }

    /// <summary>The report as a server-sent event.</summary>
    internal byte[] ToEvent()
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this, DashboardJson.Default.DashboardReport);
        return [.. "data: "u8, .. json, .. "\n\n"u8];
    }

    private static string ReasonOf(IFdmTransport? transport)
        => transport is null
            ? "the application has not called UseFdmTransport()."
            : transport.InactiveReason ?? "it does not say why.";
}
