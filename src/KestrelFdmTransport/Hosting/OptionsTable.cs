using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using KestrelFdmTransport.Connections;
using Microsoft.Extensions.Configuration;

namespace KestrelFdmTransport.Hosting;

/// <summary>Every option: how its value is read from the configuration, and which values are allowed.</summary>
/// <remarks>
/// A new option is a property, a row here, and its section in docs/options.md. The table needs no reflection.
/// </remarks>
internal static class OptionsTable
{
    internal const string SectionName = "Kestrel:FdmTransport";

    private const string Scheduling = "Adaptive, Inline or ThreadPool";

    private static readonly OptionRow[] s_rows =
    [
        new(nameof(FdmTransportOptions.Backlog), static options => options.Backlog)
        {
            Parse = static (options, text) => options.Backlog = OptionText.ToInteger(text),
            Text = OptionText.WholeNumber,
            IsValid = static options => options.Backlog >= 0,
            Allowed = "0 or more",
        },
        new(nameof(FdmTransportOptions.NoDelay), static options => options.NoDelay)
        {
            Parse = static (options, text) => options.NoDelay = OptionText.ToBoolean(text),
            Text = OptionText.TrueOrFalse,
        },
        new(nameof(FdmTransportOptions.MaxReadBufferSize), static options => options.MaxReadBufferSize)
        {
            Parse = static (options, text) => options.MaxReadBufferSize = OptionText.ToSize(text),
            Text = OptionText.BytesOrNull,
            IsValid = static options => options.MaxReadBufferSize is null or >= 0,
            Allowed = "null, 0 (no limit) or a number of bytes",
        },
        new(nameof(FdmTransportOptions.MaxWriteBufferSize), static options => options.MaxWriteBufferSize)
        {
            Parse = static (options, text) => options.MaxWriteBufferSize = OptionText.ToSize(text),
            Text = OptionText.BytesOrNull,
            IsValid = static options => options.MaxWriteBufferSize is null or >= 0,
            Allowed = "null, 0 (no limit) or a number of bytes",
        },
        new(nameof(FdmTransportOptions.CreateBoundListenSocket), static options => options.CreateBoundListenSocket)
        {
            IsValid = static options => options.CreateBoundListenSocket is not null,
            Allowed = "a function that returns a bound socket",
        },
        new(nameof(FdmTransportOptions.LoopCount), static options => options.LoopCount)
        {
            Parse = static (options, text) => options.LoopCount = OptionText.ToInteger(text),
            Text = OptionText.WholeNumber,
            IsValid = static options => options.LoopCount is >= 1 and <= FdmTransportLimits.LoopCountMax,
            Allowed = OptionText.Range(1, FdmTransportLimits.LoopCountMax),
        },
        new(nameof(FdmTransportOptions.Scheduling), static options => options.Scheduling)
        {
            Parse = static (options, text) => options.Scheduling = OptionText.ToScheduling(text),
            Text = Scheduling,
            IsValid = static options => Enum.IsDefined(options.Scheduling),
            Allowed = Scheduling,
        },
        new(nameof(FdmTransportOptions.SpinDuration), static options => options.SpinDuration)
        {
            Parse = static (options, text) => options.SpinDuration = OptionText.ToDuration(text),
            Text = "a time span such as 00:00:00.000050 (50 µs)",
            IsValid = static options
                => options.SpinDuration >= TimeSpan.Zero && options.SpinDuration <= FdmTransportLimits.SpinDurationMax,
            Allowed = "00:00:00 (never) to 00:00:00.0010000 (1 ms)",
        },
        new(nameof(FdmTransportOptions.AcceptQueueLength), static options => options.AcceptQueueLength)
        {
            Parse = static (options, text) => options.AcceptQueueLength = OptionText.ToInteger(text),
            Text = OptionText.WholeNumber,
            IsValid =
                static options => options.AcceptQueueLength is >= 1 and <= FdmTransportLimits.AcceptQueueLengthMax,
            Allowed = OptionText.Range(1, FdmTransportLimits.AcceptQueueLengthMax),
        },
        new(nameof(FdmTransportOptions.StallThreshold), static options => options.StallThreshold)
        {
            Parse = static (options, text) => options.StallThreshold = OptionText.ToDuration(text),
            Text = "a time span such as 00:00:00.002 (2 ms)",
            IsValid = static options
                => options.StallThreshold >= TimeSpan.Zero
                    && options.StallThreshold <= FdmTransportLimits.StallThresholdMax,
            Allowed = "00:00:00 to 00:01:00",
        },
        new(nameof(FdmTransportOptions.MaxStandbyThreads), static options => options.MaxStandbyThreads)
        {
            Parse = static (options, text) => options.MaxStandbyThreads = OptionText.ToInteger(text),
            Text = OptionText.WholeNumber,
            IsValid = static options => options.MaxStandbyThreads is >= 0 and <= FdmTransportLimits.StandbyThreadsMax,
            Allowed = OptionText.Range(0, FdmTransportLimits.StandbyThreadsMax),
        },
        new(nameof(FdmTransportOptions.MaxBlockingThreads), static options => options.MaxBlockingThreads)
        {
            Parse = static (options, text) => options.MaxBlockingThreads = OptionText.ToInteger(text),
            Text = OptionText.WholeNumber,
            IsValid = static options => options.MaxBlockingThreads is >= 0 and <= FdmTransportLimits.BlockingThreadsMax,
            Allowed = OptionText.Range(0, FdmTransportLimits.BlockingThreadsMax),
        },
        new(nameof(FdmTransportOptions.ConnectTimeout), static options => options.ConnectTimeout)
        {
            Parse = static (options, text) => options.ConnectTimeout = OptionText.ToDuration(text),
            Text = "a time span such as 00:00:05, or -00:00:00.0010000 (no limit)",
            IsValid = static options => options.ConnectTimeout == Timeout.InfiniteTimeSpan
                || (
                    options.ConnectTimeout > TimeSpan.Zero
                        && options.ConnectTimeout <= FdmTransportLimits.ConnectTimeoutMax),
            Allowed = "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)",
        },
        new(nameof(FdmTransportOptions.IdleTimeout), static options => options.IdleTimeout)
        {
            Parse = static (options, text) => options.IdleTimeout = OptionText.ToDuration(text),
            Text = "a time span such as 00:02:00, or -00:00:00.0010000 (none)",
            IsValid = static options => IdleTimeout.IsValid(options.IdleTimeout),
            Allowed = IdleTimeout.Allowed,
        },
        new(nameof(FdmTransportOptions.ReusePort), static options => options.ReusePort)
        {
            Parse = static (options, text) => options.ReusePort = OptionText.ToBoolean(text),
            Text = OptionText.TrueOrFalse,
        },
        new(nameof(FdmTransportOptions.UnixSocketFileMode), static options => options.UnixSocketFileMode)
        {
            Parse = static (options, text) => options.UnixSocketFileMode = OptionText.ToFileMode(text),
            Text = OptionText.OctalOrNull,
            IsValid = static options
                => options.UnixSocketFileMode is not { } mode
                    || (mode & ~FdmTransportLimits.UnixSocketFileModeMask) == UnixFileMode.None,
            Allowed = "null (what the umask leaves), or permissions to read, write and execute",
        },
        new(nameof(FdmTransportOptions.ReplaceStaleUnixSocket), static options => options.ReplaceStaleUnixSocket)
        {
            Parse = static (options, text) => options.ReplaceStaleUnixSocket = OptionText.ToBoolean(text),
            Text = OptionText.TrueOrFalse,
        },
        new(nameof(FdmTransportOptions.PollingSets), static options => options.PollingSets)
        {
            Parse = static (options, text) => options.PollingSets = OptionText.ToBoolean(text),
            Text = OptionText.TrueOrFalse,
        },
        new(nameof(FdmTransportOptions.HotGap), static options => options.HotGap)
        {
            Parse = static (options, text) => options.HotGap = OptionText.ToDuration(text),
            Text = "a time span such as 00:00:00.005 (5 ms)",

            // A WarmGap that is not allowed has a message of its own.
            IsValid = static options
                => options.HotGap > TimeSpan.Zero
                    && (options.HotGap <= options.WarmGap || options.WarmGap <= TimeSpan.Zero),
            Allowed = "more than 00:00:00, at most WarmGap",
        },
        new(nameof(FdmTransportOptions.WarmGap), static options => options.WarmGap)
        {
            Parse = static (options, text) => options.WarmGap = OptionText.ToDuration(text),
            Text = "a time span such as 00:00:00.250 (250 ms)",
            IsValid =
                static options => options.WarmGap > TimeSpan.Zero && options.WarmGap <= FdmTransportLimits.WarmGapMax,
            Allowed = "HotGap to 00:01:00",
        },
        new(nameof(FdmTransportOptions.RebalanceConnections), static options => options.RebalanceConnections)
        {
            Parse = static (options, text) => options.RebalanceConnections = OptionText.ToBoolean(text),
            Text = OptionText.TrueOrFalse,
        },
    ];

    /// <summary>All options, and those that the configuration may set.</summary>
    internal static (IEnumerable<string> All, IEnumerable<string> Configurable) Names
        => (s_rows.Select(static row => row.Name), s_rows.Where(static row => row.Parse is not null).Select(
            static row => row.Name));

    /// <summary>Sets the options that the configuration section contains.</summary>
    /// <exception cref="InvalidOperationException">A value cannot be read, or a key is not an option.</exception>
    internal static void Apply(IConfiguration section, FdmTransportOptions options)
    {
        foreach (IConfigurationSection entry in section.GetChildren())
        {
            OptionRow row = Find(entry.Key);
            try
            {
                row.Parse!(options, entry.Value);
            }
            catch (FormatException exception)
            {
                throw new InvalidOperationException(
                    $"'{SectionName}:{entry.Key}' is '{entry.Value}'; allowed: {row.Text}.", exception);
            }
        }
    }

    /// <summary>For each option whose value is not allowed: its name, the value, and what is allowed.</summary>
    internal static List<string> GetFailures(FdmTransportOptions options)
    {
        var failures = new List<string>();
        foreach (OptionRow row in s_rows)
        {
            if (row.IsValid is { } isValid && !isValid(options))
            {
                failures.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{nameof(FdmTransportOptions)}.{row.Name} is {row.Get(options) ?? "null"}; allowed: "
                        + $"{row.Allowed}."));
            }
        }

        return failures;
    }

    private static OptionRow Find(string key)
        => Array.Find(s_rows, row => row.Parse is not null && row.Name.Equals(key, StringComparison.OrdinalIgnoreCase))
            ?? throw new InvalidOperationException(
                $"'{SectionName}:{key}' is not an option of the FDM transport. Options: "
                    + $"{string.Join(", ", Names.Configurable)}.");
}
