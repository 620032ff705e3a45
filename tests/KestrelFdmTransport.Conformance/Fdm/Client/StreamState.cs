namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>What has happened to a stream before it is asked for something.</summary>
public enum StreamState
{
    Fresh,
    DataWaiting,
    PeerHalfClosed,
    DataThenHalfClosed,
    PeerReset,
    DataThenReset,
    ReadWaiting,
    WriteWaiting,
    BothWaiting,
    Disposed,
}
