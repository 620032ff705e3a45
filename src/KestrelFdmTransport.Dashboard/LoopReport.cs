using System;

namespace KestrelFdmTransport.Dashboard;

/// <summary>What the page shows of an event loop.</summary>
internal sealed class LoopReport
{
    public required string Name { get; init; }

    public EventLoopState State { get; init; }

    /// <summary>0 to 1.</summary>
    public double Utilization { get; init; }

    public int Activity { get; init; }

    /// <summary>In milliseconds.</summary>
    public double OldestReady { get; init; }

    public int Connections { get; init; }

    public long Iterations { get; init; }

    public long Accepts { get; init; }

    public long Migrations { get; init; }

    public long Stalls { get; init; }

    public long Inline { get; init; }

    public long Pool { get; init; }

    public long Blocking { get; init; }

    /// <summary>In bytes.</summary>
    public long Received { get; init; }

    /// <summary>In bytes.</summary>
    public long Sent { get; init; }

    /// <summary>Dispatches of the hot, warm and cold set.</summary>
    public required long[] Dispatched { get; init; }

    internal static LoopReport Create(EventLoopStatistics loop) => new()
    {
        Name = loop.Name,
        State = loop.State,
        Utilization = Math.Round(loop.Utilization, 3),
        Activity = loop.Activity,
        OldestReady = Math.Round(loop.OldestReady.TotalMilliseconds, 2),
        Connections = loop.Connections,
        Iterations = loop.Iterations,
        Accepts = loop.Accepts,
        Migrations = loop.Migrations,
        Stalls = loop.Stalls,
        Inline = loop.Callbacks.Inline,
        Pool = loop.Callbacks.ThreadPool,
        Blocking = loop.Callbacks.BlockingPool,
        Received = loop.Traffic.BytesReceived,
        Sent = loop.Traffic.BytesSent,
        Dispatched = [loop.Hot.Dispatched, loop.Warm.Dispatched, loop.Cold.Dispatched],
    };
}
