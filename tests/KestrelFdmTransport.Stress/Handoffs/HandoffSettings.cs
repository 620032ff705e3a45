namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>How the loops are to be taken over.</summary>
public sealed record HandoffSettings : StressSettings
{
    /// <summary>Hand-offs in all.</summary>
    public required long Count { get; init; }

    public required int Loops { get; init; }

    /// <summary>Hand-offs until the transport is stopped and started again.</summary>
    public int PerRound { get; init; } = 5_000;
}
