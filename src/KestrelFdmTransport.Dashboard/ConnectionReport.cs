using System;

namespace KestrelFdmTransport.Dashboard;

/// <summary>What the page shows of a connection.</summary>
internal sealed class ConnectionReport
{
    public required string Id { get; init; }

    public string? Local { get; init; }

    public string? Remote { get; init; }

    /// <summary>The index of its event loop.</summary>
    public int Loop { get; init; }

    public PollingSet Set { get; init; }

    public int LiveCounter { get; init; }

    /// <summary>In milliseconds.</summary>
    public double Idle { get; init; }

    /// <summary>In bytes.</summary>
    public long Received { get; init; }

    /// <summary>In bytes.</summary>
    public long Sent { get; init; }

    internal static ConnectionReport Create(ConnectionStatistics connection) => new()
    {
        Id = connection.ConnectionId,
        Local = connection.LocalEndPoint?.ToString(),
        Remote = connection.RemoteEndPoint?.ToString(),
        Loop = connection.LoopIndex,
        Set = connection.PollingSet,
        LiveCounter = connection.LiveCounter,
        Idle = Math.Round(connection.IdleTime.TotalMilliseconds, 1),
        Received = connection.BytesReceived,
        Sent = connection.BytesSent,
    };
}
