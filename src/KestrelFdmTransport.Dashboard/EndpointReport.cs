using System;

namespace KestrelFdmTransport.Dashboard;

/// <summary>What the page shows of an endpoint.</summary>
internal sealed class EndpointReport
{
    public required string Name { get; init; }

    public long Accepts { get; init; }

    public int Queued { get; init; }

    public bool IsAccepting { get; init; }

    /// <summary>Seconds since accepting last paused; null if it never did.</summary>
    public double? SincePause { get; init; }

    internal static EndpointReport Create(EndpointStatistics endpoint) => new()
    {
        Name = endpoint.EndPoint.ToString() ?? "",
        Accepts = endpoint.Accepts,
        Queued = endpoint.Queued,
        IsAccepting = endpoint.IsAccepting,
        SincePause = endpoint.TimeSinceAcceptPause is { } pause ? Math.Round(pause.TotalSeconds) : null,
    };
}
