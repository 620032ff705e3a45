namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>What happens while an operation of a stream waits.</summary>
public enum StreamEnding
{
    PeerHalfCloses,
    PeerResets,
    PeerSends,
    PeerReads,
    DisposeElsewhere,
    Cancel,
}
