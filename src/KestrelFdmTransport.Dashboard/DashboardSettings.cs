using System;

namespace KestrelFdmTransport.Dashboard;

/// <summary>The limits of a dashboard. A test sets shorter ones.</summary>
internal sealed class DashboardSettings
{
    internal TimeSpan Period { get; init; } = TimeSpan.FromSeconds(1);

    internal int MaxViewers { get; init; } = 16;

    /// <summary>A viewer that has not taken a sample after this time is disconnected.</summary>
    internal TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The stream of a viewer ends then, and the browser asks again with what authorizes it now.</summary>
    internal TimeSpan MaxDuration { get; init; } = TimeSpan.FromMinutes(10);
}
