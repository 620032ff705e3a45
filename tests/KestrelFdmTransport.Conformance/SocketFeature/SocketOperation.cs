namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>What an application may do to the socket of a connection to end some of it or all.</summary>
public enum SocketOperation
{
    ShutdownSend,
    ShutdownReceive,
    ShutdownBoth,
    Close,
    CloseAtOnce,
    Dispose,
    Disconnect,
}
