namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What ends a connection on which a read and a flush wait.</summary>
public enum Ending
{
    Abort,
    AbortWithoutReason,
    FeatureAbort,
    ClientFin,
    ClientReset,

    /// <summary>The client takes everything afterwards.</summary>
    OutputCompleted,

    /// <summary>The client takes everything afterwards, for which Sockets waits.</summary>
    OutputCompletedWithError,

    /// <summary>The transport notices at the client's next byte.</summary>
    InputCompleted,
    InputCompletedWithError,

    /// <summary>The client takes everything afterwards.</summary>
    BothCompleted,

    /// <summary>The client takes everything afterwards.</summary>
    Disposed,

    /// <summary>The application shuts the socket's sending side down, so that the send that waits fails.</summary>
    SendError,

    /// <summary>Sockets has none, and does as at an abort.</summary>
    IdleTimeout,

    /// <summary>The listener goes first, which ends nothing, and then the connection is aborted.</summary>
    ListenerDisposedThenAbort,
}
