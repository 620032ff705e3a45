namespace KestrelFdmTransport.FunctionalTests.Infrastructure;

/// <summary>The transports that every case runs on. Sockets is the oracle.</summary>
public enum TransportKind
{
    Sockets,
    FdmInline,
    FdmThreadPool,
}
