using System;
using System.IO;

namespace KestrelFdmTransport.Hosting;

/// <summary>The largest values of the options of <see cref="FdmTransportOptions"/>.</summary>
internal static class FdmTransportLimits
{
    internal const int LoopCountMax = 1024;
    internal const int AcceptQueueLengthMax = 1_000_000;
    internal const int StandbyThreadsMax = 1024;
    internal const int BlockingThreadsMax = 4096;

    /// <summary>All bits that <see cref="FdmTransportOptions.UnixSocketFileMode"/> may have.</summary>
    internal const UnixFileMode UnixSocketFileModeMask = (UnixFileMode)0x1FF;

    internal static readonly TimeSpan StallThresholdMax = TimeSpan.FromMinutes(1);
    internal static readonly TimeSpan SpinDurationMax = TimeSpan.FromMilliseconds(1);
    internal static readonly TimeSpan WarmGapMax = TimeSpan.FromMinutes(1);
    internal static readonly TimeSpan ConnectTimeoutMax = TimeSpan.FromDays(24);
}
