namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Connections that all do the same: send a request, wait for the answer, pause, send again.</summary>
internal sealed record ClientGroup(int Connections, Request Request)
{
    /// <summary>Requests that are in flight at once on each connection.</summary>
    internal int Depth { get; init; } = 1;

    /// <summary>What some of the requests are instead. They are counted on their own.</summary>
    internal Request? SlowRequest { get; init; }

    internal int SlowPermille { get; init; }

    /// <summary>
    /// If each request has a connection of its own, the pause lies between two connections, and the latency begins with
    /// connecting.
    /// </summary>
    internal Pause Pause { get; init; } = Pause.None;

    /// <summary>Those that speak at all; null: all.</summary>
    internal ActiveClients? Speakers { get; init; }
}
