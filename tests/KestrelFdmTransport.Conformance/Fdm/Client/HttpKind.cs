namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>What an HTTP client speaks.</summary>
public enum HttpKind
{
    Plain,
    Tls,
    Http2,
}
