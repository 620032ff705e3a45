namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>Clients that never stop sending, and handlers that never stop writing.</summary>
public enum GreedyTraffic
{
    /// <summary>A handler that consumes eight bytes at a time.</summary>
    SmallReads,

    /// <summary>The same with <c>TryRead</c> as long as there is something.</summary>
    TentativeReads,

    /// <summary>A handler that flushes a little again and again, to a client that reads.</summary>
    Flushes,

    /// <summary>WebSocket messages of eight bytes.</summary>
    WebSocketMessages,

    /// <summary>Requests without a pause, whose answers the client reads.</summary>
    Pipelining,

    /// <summary>Responses without an end.</summary>
    Downloads,

    /// <summary>Request bodies without an end, read a little at a time.</summary>
    Uploads,

    /// <summary>HTTP/2 PING frames.</summary>
    Pings,

    /// <summary>HTTP/2 WINDOW_UPDATE frames, which ask for no answer.</summary>
    WindowUpdates,
}
