using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <content>What the transport knows about the connection, computed on demand.</content>
internal sealed partial class FdmConnection : IFdmConnectionFeature
{
    int IFdmConnectionFeature.LoopIndex => _io.Loop.Index;

    PollingSet IFdmConnectionFeature.PollingSet => _io.Counter.Set;

    int IFdmConnectionFeature.LiveCounter => _io.Counter.Value;

    long IFdmConnectionFeature.BytesReceived => _io.Reader.Received;

    long IFdmConnectionFeature.BytesSent => _io.Writer.Sent;

    TimeSpan IFdmConnectionFeature.IdleTime
        => _io.Counter.LastServed is not 0 and var last && Stopwatch.GetTimestamp() is var now && now > last
            ? Stopwatch.GetElapsedTime(last, now)
            : TimeSpan.Zero;

    TimeSpan IFdmConnectionFeature.IdleTimeout
    {
        get => IdleTimeout.From(_io.Idle.Timeout);
        set
        {
            if (!IdleTimeout.IsValid(value))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(value),
                    value,
                    $"{nameof(IFdmConnectionFeature.IdleTimeout)}; allowed: {IdleTimeout.Allowed}.");
            }

            _io.SetIdleTimeout(IdleTimeout.Milliseconds(value));
        }
    }

    TimeSpan IFdmConnectionFeature.IdleTimeRemaining
        => _io.Idle.Timeout == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(_io.Idle.Remaining);
}
