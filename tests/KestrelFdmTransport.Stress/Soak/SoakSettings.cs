using System;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>How long to load the server, and with how much.</summary>
public sealed record SoakSettings
{
    public required TimeSpan Duration { get; init; }

    /// <summary>Clients at a time. Each opens one connection after the other, some of them several.</summary>
    public int Connections { get; init; } = 32;

    public int Seed { get; init; } = 1;

    /// <summary>An endpoint moves to another port so often.</summary>
    public TimeSpan ReloadInterval { get; init; } = TimeSpan.FromSeconds(3);
}
