using System;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What a group of loops needs to know.</summary>
internal sealed record EventLoopSettings
{
    internal required int LoopCount { get; init; }

    internal bool PinLoops { get; init; }

    internal TimeSpan SpinDuration { get; init; }

    internal PollingRules Rules { get; init; } = PollingRules.Default;
}
