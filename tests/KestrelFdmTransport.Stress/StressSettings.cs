namespace KestrelFdmTransport.Stress;

/// <summary>The settings of every load.</summary>
public abstract record StressSettings
{
    /// <summary>Clients at a time. Each opens one connection after the other.</summary>
    public int Connections { get; init; } = 32;

    /// <summary>What the clients do follows from it; when things happen does not.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Threads of the transport rest now and then where a race could be lost.</summary>
    public bool SyncPointDelays { get; init; }
}
