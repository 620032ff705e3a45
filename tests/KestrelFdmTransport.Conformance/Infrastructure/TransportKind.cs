namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>The transports that cases run on, by scheduling and number of event loops. Sockets is the oracle.</summary>
public enum TransportKind
{
    Sockets,

    /// <summary>Default options on two loops.</summary>
    Fdm,

    FdmAdaptiveOneLoop,
    FdmAdaptiveEightLoops,

    /// <summary>
    /// Takes every loop over that it finds inside a callback, so that the owner changes all the time.
    /// </summary>
    FdmEagerTwoLoops,

    FdmInlineOneLoop,
    FdmInlineTwoLoops,
    FdmInlineEightLoops,
    FdmThreadPoolOneLoop,
    FdmThreadPoolTwoLoops,
    FdmThreadPoolEightLoops,
}
