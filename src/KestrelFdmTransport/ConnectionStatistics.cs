using System;
using System.Net;

namespace KestrelFdmTransport;

/// <summary>Figures of a connection. They are read without stopping its loop, so they may differ by a moment.</summary>
public sealed class ConnectionStatistics
{
    /// <summary>Gets the id of the connection, as log lines have it.</summary>
    public required string ConnectionId { get; init; }

    /// <summary>Gets the address of this end; null if it has none.</summary>
    public EndPoint? LocalEndPoint { get; init; }

    /// <summary>Gets the address of the other end; null if it has none.</summary>
    public EndPoint? RemoteEndPoint { get; init; }

    /// <summary>
    /// Gets the number of the connection's event loop: its index in <see cref="IFdmTransport.GetLoopStatistics"/>.
    /// </summary>
    public int LoopIndex { get; init; }

    /// <summary>Gets the polling set that the connection was in when its last event came.</summary>
    public PollingSet PollingSet { get; init; }

    /// <summary>
    /// Gets how often events come, 0 (seldom) to 8 (all the time), with the time since the last one counted.
    /// </summary>
    public int LiveCounter { get; init; }

    /// <summary>Gets how long ago the connection's last event came: bytes, room to send, or its end.</summary>
    public TimeSpan IdleTime { get; init; }

    /// <summary>Gets how many bytes have been received so far.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Gets how many bytes the kernel has taken to send so far.</summary>
    public long BytesSent { get; init; }
}
