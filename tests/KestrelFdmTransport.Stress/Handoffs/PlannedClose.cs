namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>How a connection is going to end.</summary>
internal enum PlannedClose
{
    /// <summary>After everything has been answered.</summary>
    Completes,

    /// <summary>The client resets it somewhere in the middle.</summary>
    ClientResets,

    /// <summary>The server aborts it somewhere in the middle, on another thread.</summary>
    ServerAborts,
}
