using System;
using System.Threading;

namespace KestrelFdmTransport;

/// <summary>
/// What the transport knows about one of its connections, for diagnostics and for a handler that wants another idle
/// timeout. Get it from <c>ConnectionContext.Features</c>, or from <c>HttpContext.Features</c>; it is not there if
/// another transport serves.
/// </summary>
/// <remarks>
/// Any thread may use it, at any time, also after the connection's end. The figures are read without stopping the loop:
/// they may be a moment old, and a pair of them may not fit together. After the connection's end they say nothing.
/// </remarks>
public interface IFdmConnectionFeature
{
    /// <summary>
    /// Gets the number of the connection's event loop: its index in
    /// <see cref="FdmTransportFactory.GetLoopStatistics"/>.
    /// </summary>
    int LoopIndex { get; }

    /// <summary>Gets the polling set that the connection was in when its last event came.</summary>
    /// <remarks>A silent connection stays where it was: it moves with its next event.</remarks>
    PollingSet PollingSet { get; }

    /// <summary>Gets how often events came lately, as of the last one: 0 (seldom) to 8 (all the time).</summary>
    int LiveCounter { get; }

    /// <summary>Gets how many bytes have been received so far.</summary>
    long BytesReceived { get; }

    /// <summary>Gets how many bytes the kernel has taken to send so far.</summary>
    long BytesSent { get; }

    /// <summary>Gets how long ago the last event came: bytes, room to send, or the end.</summary>
    TimeSpan IdleTime { get; }

    /// <summary>
    /// Gets or sets after how long without a byte received or sent the connection is aborted, as by
    /// <see cref="FdmEndpointOptions.IdleTimeout"/>, which is the value at first. Setting it starts the time anew.
    /// </summary>
    /// <remarks>
    /// <see cref="Timeout.InfiniteTimeSpan"/> means never; otherwise 100 ms to 24 days. A connection that
    /// <see cref="FdmConnectionFactory"/> has opened has none at first.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The value is not one of these.</exception>
    TimeSpan IdleTimeout { get; set; }

    /// <summary>
    /// Gets how much of <see cref="IdleTimeout"/> is left if no byte moves; <see cref="Timeout.InfiniteTimeSpan"/>
    /// without one.
    /// </summary>
    TimeSpan IdleTimeRemaining { get; }
}
