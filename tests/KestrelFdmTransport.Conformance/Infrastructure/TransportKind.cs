namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>The transports that cases run on, by scheduling and number of event loops. Sockets is the oracle.</summary>
public enum TransportKind
{
    Sockets,

    /// <summary>Default options on two loops.</summary>
    Fdm,

    FdmInlineOneLoop,
    FdmInlineTwoLoops,
    FdmInlineEightLoops,
    FdmThreadPoolOneLoop,
    FdmThreadPoolTwoLoops,
    FdmThreadPoolEightLoops,
}
