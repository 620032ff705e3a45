namespace KestrelFdmTransport;

/// <summary>Names for the configuration of metrics and logs.</summary>
public static class FdmTransportDiagnostics
{
    /// <summary>The name of the meter: <c>metrics.AddMeter(FdmTransportDiagnostics.MeterName)</c>.</summary>
    public const string MeterName = "KestrelFdmTransport";

    /// <summary>
    /// The log category of the transport as a whole: the line at the start of the host. Unlike the others it is not
    /// below <c>Microsoft.AspNetCore</c>, of which the project templates show warnings only.
    /// </summary>
    public const string LogCategory = "KestrelFdmTransport";

    /// <summary>The log category of endpoints, event loops and accepted connections.</summary>
    public const string TransportLogCategory = "Microsoft.AspNetCore.Server.Kestrel.Transport.Fdm";

    /// <summary>The log category of connections that <see cref="FdmConnectionFactory"/> opens.</summary>
    public const string ClientLogCategory = "Microsoft.AspNetCore.Server.Kestrel.Transport.Fdm.Client";
}
