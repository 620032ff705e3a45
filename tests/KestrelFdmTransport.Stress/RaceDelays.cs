using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Stress.HandOvers;

namespace KestrelFdmTransport.Stress;

/// <summary>As long as it lives, whoever reaches a <see cref="RacePoint"/> in this process rests there now and then.</summary>
internal sealed class RaceDelays : IDisposable
{
    private RaceDelays() => RacePoints.Reached = static (_, _) => Provocation.Delay();

    internal static RaceDelays? Begin(StressSettings settings) => settings.RaceDelays ? new RaceDelays() : null;

    public void Dispose() => RacePoints.Reached = null;
}
