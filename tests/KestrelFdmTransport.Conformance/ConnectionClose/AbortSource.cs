namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What ends a request whose write waits.</summary>
public enum AbortSource
{
    HttpContextAbort,
    FeatureAbort,
    ConnectionAbort,
    ConnectionAbortWithoutReason,
    MinimumDataRate,
    HostStop,
    ClientFin,
    ClientReset,

    /// <summary>HTTP/2 only.</summary>
    ClientStreamReset,
}
