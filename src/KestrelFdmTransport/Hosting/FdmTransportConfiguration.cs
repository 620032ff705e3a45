using System;
using System.Globalization;
using System.IO;
using Microsoft.Extensions.Configuration;

namespace KestrelFdmTransport.Hosting;

/// <summary>Reads the configuration section <c>Kestrel:FdmTransport</c>. By hand: no reflection, and messages that help.</summary>
internal static class FdmTransportConfiguration
{
    internal const string SectionName = "Kestrel:FdmTransport";

    /// <exception cref="InvalidOperationException">A value cannot be read, or a key is not an option.</exception>
    internal static void Apply(IConfiguration section, FdmTransportOptions options)
    {
        foreach (IConfigurationSection entry in section.GetChildren())
        {
            Apply(entry.Key, entry.Value, options);
        }
    }

    private static void Apply(string key, string? value, FdmTransportOptions options)
    {
        switch (key.ToUpperInvariant())
        {
            case "BACKLOG":
                options.Backlog = Integer(key, value);
                break;
            case "NODELAY":
                options.NoDelay = Boolean(key, value);
                break;
            case "MAXREADBUFFERSIZE":
                options.MaxReadBufferSize = Size(key, value);
                break;
            case "MAXWRITEBUFFERSIZE":
                options.MaxWriteBufferSize = Size(key, value);
                break;
            case "LOOPCOUNT":
                options.LoopCount = Integer(key, value);
                break;
            case "SCHEDULING":
                options.Scheduling = Enum.TryParse(value, ignoreCase: true, out ApplicationScheduling scheduling) && Enum.IsDefined(scheduling)
                    ? scheduling
                    : throw Unreadable(key, value, "Adaptive, Inline or ThreadPool");
                break;
            case "SPINDURATION":
                options.SpinDuration = Duration(key, value, "a time span such as 00:00:00.000050 (50 µs)");
                break;
            case "ACCEPTQUEUELENGTH":
                options.AcceptQueueLength = Integer(key, value);
                break;
            case "STALLTHRESHOLD":
                options.StallThreshold = Duration(key, value, "a time span such as 00:00:00.002 (2 ms)");
                break;
            case "MAXSTANDBYTHREADS":
                options.MaxStandbyThreads = Integer(key, value);
                break;
            case "MAXBLOCKINGTHREADS":
                options.MaxBlockingThreads = Integer(key, value);
                break;
            case "CONNECTTIMEOUT":
                options.ConnectTimeout = Duration(key, value, "a time span such as 00:00:05, or -00:00:00.0010000 (no limit)");
                break;
            case "IDLETIMEOUT":
                options.IdleTimeout = Duration(key, value, "a time span such as 00:02:00, or -00:00:00.0010000 (none)");
                break;
            case "REUSEPORT":
                options.ReusePort = Boolean(key, value);
                break;
            case "UNIXSOCKETFILEMODE":
                options.UnixSocketFileMode = FileMode(key, value);
                break;
            case "REPLACESTALEUNIXSOCKET":
                options.ReplaceStaleUnixSocket = Boolean(key, value);
                break;
            case "POLLINGSETS":
                options.PollingSets = Boolean(key, value);
                break;
            case "HOTGAP":
                options.HotGap = Duration(key, value, "a time span such as 00:00:00.005 (5 ms)");
                break;
            case "WARMGAP":
                options.WarmGap = Duration(key, value, "a time span such as 00:00:00.250 (250 ms)");
                break;
            case "REBALANCECONNECTIONS":
                options.RebalanceConnections = Boolean(key, value);
                break;
            default:
                throw new InvalidOperationException(
                    $"'{SectionName}:{key}' is not an option of the FDM transport. Options: Backlog, NoDelay, MaxReadBufferSize, MaxWriteBufferSize, LoopCount, Scheduling, SpinDuration, AcceptQueueLength, StallThreshold, MaxStandbyThreads, MaxBlockingThreads, ConnectTimeout, PollingSets, HotGap, WarmGap, RebalanceConnections, IdleTimeout, ReusePort, UnixSocketFileMode, ReplaceStaleUnixSocket.");
        }
    }

    private static int Integer(string key, string? value)
        => int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Unreadable(key, value, "a whole number");

    private static TimeSpan Duration(string key, string? value, string allowed)
        => TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out TimeSpan duration) ? duration : throw Unreadable(key, value, allowed);

    private static bool Boolean(string key, string? value)
        => bool.TryParse(value, out bool flag) ? flag : throw Unreadable(key, value, "true or false");

    private static long? Size(string key, string? value)
        => string.IsNullOrEmpty(value) ? null
            : long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out long size) ? size
            : throw Unreadable(key, value, "a number of bytes, or null for no limit");

    private static UnixFileMode? FileMode(string key, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        int mode = 0;
        foreach (char digit in value)
        {
            if (digit is < '0' or > '7' || value.Length > 4)
            {
                throw Unreadable(key, value, "an octal number such as 660, or null for what the umask leaves");
            }

            mode = (mode * 8) + digit - '0';
        }

        return (UnixFileMode)mode;
    }

    private static InvalidOperationException Unreadable(string key, string? value, string allowed)
        => new($"'{SectionName}:{key}' is '{value}'; allowed: {allowed}.");
}
