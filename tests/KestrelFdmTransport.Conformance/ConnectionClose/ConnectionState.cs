namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What a connection is doing when something ends it.</summary>
public enum ConnectionState
{
    /// <summary>Nothing was sent; the application reads.</summary>
    Idle,

    /// <summary>The application has consumed what came, and reads.</summary>
    Received,

    /// <summary>Bytes have come that the application has seen and not consumed; it does not read.</summary>
    Unread,

    /// <summary>The client has got an answer; the application reads.</summary>
    Answered,

    /// <summary>Receiving has paused, because the application does not read.</summary>
    InputPaused,

    /// <summary>The client does not read, a flush waits, and the application reads.</summary>
    OutputPaused,
}
