namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>What a server listens with. Each has a port of its own.</summary>
internal enum Endpoint
{
    /// <summary>HTTP/1.1.</summary>
    Http,

    /// <summary>A connection handler that answers everything.</summary>
    Raw,

    /// <summary>HTTP/1.1 over TLS.</summary>
    Https,

    /// <summary>HTTP/2 without TLS.</summary>
    H2c,

    /// <summary>HTTP/2 over TLS.</summary>
    H2,
}
