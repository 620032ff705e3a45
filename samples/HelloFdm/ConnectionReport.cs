using System;
using System.Threading;
using KestrelFdmTransport;

namespace HelloFdm;

/// <summary>What the transport knows about one connection. Without an idle timeout the last two are null.</summary>
internal sealed record ConnectionReport(
    int LoopIndex,
    PollingSet PollingSet,
    int LiveCounter,
    long BytesReceived,
    long BytesSent,
    TimeSpan? IdleTimeout,
    TimeSpan? IdleTimeRemaining)
{
    public static ConnectionReport Of(IFdmConnectionFeature connection) => new(
        connection.LoopIndex,
        connection.PollingSet,
        connection.LiveCounter,
        connection.BytesReceived,
        connection.BytesSent,
        Finite(connection.IdleTimeout),
        Finite(connection.IdleTimeRemaining));

    private static TimeSpan? Finite(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? null : time;
}
