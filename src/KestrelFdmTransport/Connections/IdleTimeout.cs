using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>Idle timeouts as milliseconds; 0 is none.</summary>
internal static class IdleTimeout
{
    internal const string Allowed = "00:00:00.1000000 (100 ms) to 24.00:00:00 (24 days), or -00:00:00.0010000 (none)";

    private static readonly TimeSpan s_min = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_max = TimeSpan.FromDays(24);

    internal static bool IsValid(TimeSpan timeout)
        => timeout == Timeout.InfiniteTimeSpan || (timeout >= s_min && timeout <= s_max);

    internal static int Milliseconds(TimeSpan timeout)
        => timeout == Timeout.InfiniteTimeSpan ? 0 : (int)Math.Ceiling(timeout.TotalMilliseconds);

    internal static TimeSpan From(int milliseconds)
        => milliseconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds);
}
