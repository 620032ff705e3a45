namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>The kinds of addresses whose sockets behave differently.</summary>
public enum Family
{
    IPv4,
    IPv6,
    Unix,
}
