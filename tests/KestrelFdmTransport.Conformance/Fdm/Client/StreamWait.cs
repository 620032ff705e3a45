namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>What an operation of a stream needs to go on.</summary>
internal enum StreamWait
{
    Nothing,
    Bytes,

    /// <summary>The end of the input.</summary>
    End,
    Room,

    /// <summary>More room than there is without a peer that reads.</summary>
    MuchRoom,
}
