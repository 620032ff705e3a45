namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What a request whose write waits has come by.</summary>
public enum AbortProtocol
{
    Http1,
    Http1OverTls,
    Http2,
}
