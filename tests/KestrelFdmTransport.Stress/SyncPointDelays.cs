using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Stress.Handoffs;

namespace KestrelFdmTransport.Stress;

/// <summary>
/// While it exists, a thread that reaches a <see cref="SyncPoint"/> in this process waits there now and then.
/// </summary>
internal sealed class SyncPointDelays : IDisposable
{
    private SyncPointDelays() => SyncPoints.Handler = static (_, _) => StallInjection.Delay();

    internal static SyncPointDelays? Begin(StressSettings settings)
        => settings.SyncPointDelays ? new SyncPointDelays() : null;

    public void Dispose() => SyncPoints.Handler = null;
}
