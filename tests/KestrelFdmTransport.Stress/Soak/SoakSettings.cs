using System;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>How long to load the server, and with how much.</summary>
public sealed record SoakSettings : StressSettings
{
    public required TimeSpan Duration { get; init; }

    /// <summary>How long to wait at the end for the runtime's pools to shrink.</summary>
    public TimeSpan Rest { get; init; }

    /// <summary>An endpoint moves to another port so often.</summary>
    public TimeSpan ReloadInterval { get; init; } = TimeSpan.FromSeconds(3);
}
