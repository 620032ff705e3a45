using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using KestrelFdmTransport.Connections;
using Microsoft.Extensions.Configuration;
using Option = KestrelFdmTransport.FdmTransportOptions;

namespace KestrelFdmTransport.Hosting;

/// <summary>Every option: how its value is read from the configuration, and which values are allowed.</summary>
/// <remarks>
/// A new option is a property, a row here, and its section in docs/options.md. The table needs no reflection.
/// </remarks>
internal static class OptionsTable
{
    internal const string SectionName = "Kestrel:FdmTransport";
    internal const int MaxLoopCount = 1024;

    private const string Schedulings = "Adaptive, Inline or ThreadPool";
    private const string AnIPAddress = "an IP address";
    private const string AUnixSocket = "a Unix socket";

    private static readonly TimeSpan s_spinMax = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_connectMax = TimeSpan.FromDays(24);
    private static readonly Option s_defaults = new();

    /// <summary>What may differ by endpoint: the properties of <see cref="FdmEndpointOptions"/>.</summary>
    private static readonly OptionRow[] s_endpointRows =
    [
        new(nameof(Option.Scheduling), static o => o.Scheduling)
        {
            Parse = static (o, text) => o.Scheduling = ParseScheduling(text),
            Text = Schedulings,
            IsValid = static o => Enum.IsDefined(o.Scheduling),
            Allowed = Schedulings,
        },
        Duration(
            nameof(Option.IdleTimeout), static o => o.IdleTimeout, static (o, v) => o.IdleTimeout = v,
            "00:02:00",
            static o => IdleTimeout.IsValid(o.IdleTimeout),
            IdleTimeout.Allowed,
            mayBeNone: true),
        Size(
            nameof(Option.MaxReadBufferSize), static o => o.MaxReadBufferSize,
            static (o, v) => o.MaxReadBufferSize = v),
        Size(
            nameof(Option.MaxWriteBufferSize), static o => o.MaxWriteBufferSize,
            static (o, v) => o.MaxWriteBufferSize = v),
        Number(nameof(Option.Backlog), static o => o.Backlog, static (o, v) => o.Backlog = v, 0),
        Number(
            nameof(Option.AcceptQueueLength), static o => o.AcceptQueueLength,
            static (o, v) => o.AcceptQueueLength = v, 1, 1_000_000),
        Flag(nameof(Option.NoDelay), static o => o.NoDelay, static (o, v) => o.NoDelay = v) with
        {
            HasEffectOn = static endPoint => endPoint is not UnixDomainSocketEndPoint,
            Scope = AnIPAddress,
        },
        Flag(nameof(Option.ReusePort), static o => o.ReusePort, static (o, v) => o.ReusePort = v) with
        {
            HasEffectOn = static endPoint => endPoint is IPEndPoint,
            Scope = AnIPAddress,
        },
        new(nameof(Option.UnixSocketFileMode), static o => o.UnixSocketFileMode)
        {
            Parse = static (o, text) => o.UnixSocketFileMode = ParseFileMode(text),
            Text = "an octal number such as 660, or null for what the umask leaves",
            IsValid = static o => o.UnixSocketFileMode is null or (>= UnixFileMode.None and <= (UnixFileMode)0x1FF),
            Allowed = "null (what the umask leaves), or permissions to read, write and execute",
            HasEffectOn = static endPoint => endPoint is UnixDomainSocketEndPoint,
            Scope = AUnixSocket,
        },
        Flag(
            nameof(Option.ReplaceStaleUnixSocket), static o => o.ReplaceStaleUnixSocket,
            static (o, v) => o.ReplaceStaleUnixSocket = v) with
        {
            HasEffectOn = static endPoint => endPoint is UnixDomainSocketEndPoint,
            Scope = AUnixSocket,
        },
        new(nameof(Option.CreateBoundListenSocket), static o => o.CreateBoundListenSocket)
        {
            IsValid = static o => o.CreateBoundListenSocket is not null,
            Allowed = "a function that returns a bound socket",
        },
    ];

    private static readonly OptionRow[] s_rows =
    [
        .. s_endpointRows,
        Number(nameof(Option.LoopCount), static o => o.LoopCount, static (o, v) => o.LoopCount = v, 1, MaxLoopCount),
        Duration(
            nameof(Option.SpinDuration), static o => o.SpinDuration, static (o, v) => o.SpinDuration = v,
            "00:00:00.000050 (50 µs)",
            static o => o.SpinDuration >= TimeSpan.Zero && o.SpinDuration <= s_spinMax,
            "00:00:00 (never) to 00:00:00.0010000 (1 ms)"),
        Duration(
            nameof(Option.StallThreshold), static o => o.StallThreshold, static (o, v) => o.StallThreshold = v,
            "00:00:00.002 (2 ms)",
            static o => o.StallThreshold >= TimeSpan.Zero && o.StallThreshold <= s_minute,
            "00:00:00 to 00:01:00"),
        Number(
            nameof(Option.MaxStandbyThreads), static o => o.MaxStandbyThreads,
            static (o, v) => o.MaxStandbyThreads = v, 0, 1024),
        Number(
            nameof(Option.MaxBlockingThreads), static o => o.MaxBlockingThreads,
            static (o, v) => o.MaxBlockingThreads = v, 0, 4096),
        Duration(
            nameof(Option.ConnectTimeout), static o => o.ConnectTimeout, static (o, v) => o.ConnectTimeout = v,
            "00:00:05",
            static o => o.ConnectTimeout == Timeout.InfiniteTimeSpan
                || (o.ConnectTimeout > TimeSpan.Zero && o.ConnectTimeout <= s_connectMax),
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)",
            mayBeNone: true),
        Flag(nameof(Option.PollingSets), static o => o.PollingSets, static (o, v) => o.PollingSets = v),
        Duration(
            nameof(Option.HotGap), static o => o.HotGap, static (o, v) => o.HotGap = v,
            "00:00:00.005 (5 ms)",
            // A WarmGap that is not allowed has a message of its own.
            static o => o.HotGap > TimeSpan.Zero && (o.HotGap <= o.WarmGap || o.WarmGap <= TimeSpan.Zero),
            "more than 00:00:00, at most WarmGap"),
        Duration(
            nameof(Option.WarmGap), static o => o.WarmGap, static (o, v) => o.WarmGap = v,
            "00:00:00.250 (250 ms)",
            static o => o.WarmGap > TimeSpan.Zero && o.WarmGap <= s_minute,
            "HotGap to 00:01:00"),
        Flag(
            nameof(Option.RebalanceConnections), static o => o.RebalanceConnections,
            static (o, v) => o.RebalanceConnections = v),
    ];

    internal static IEnumerable<string> Names => s_rows.Select(static row => row.Name);

    /// <summary>The options that the configuration may set.</summary>
    internal static IEnumerable<string> ConfigurableNames => ConfigurableNamesOf(s_rows);

    /// <summary>The options that the configuration may set for an endpoint.</summary>
    internal static IEnumerable<string> ConfigurableEndpointNames => ConfigurableNamesOf(s_endpointRows);

    /// <summary>Sets the options that the configuration section contains.</summary>
    /// <exception cref="InvalidOperationException">A value cannot be read, or a key is not an option.</exception>
    internal static void Apply(IConfigurationSection section, Option options)
        => Apply(s_rows, section, options, "the FDM transport");

    /// <summary>Sets the options that the section of an endpoint contains.</summary>
    /// <exception cref="InvalidOperationException">
    /// A value cannot be read, or a key is not an option that may differ by endpoint.
    /// </exception>
    internal static void ApplyToEndpoint(IConfigurationSection section, Option options)
        => Apply(s_endpointRows, section, options, "an endpoint");

    /// <summary>For each option whose value is not allowed: its name, the value, and what is allowed.</summary>
    internal static List<string> GetFailures(Option options)
        => GetFailures(s_rows, options, static name => $"{nameof(FdmTransportOptions)}.{name}");

    /// <summary>The same for the options of an endpoint, whose values must also have an effect on its kind.</summary>
    /// <param name="transport">The options of the transport; the endpoint may have the same in any case.</param>
    /// <param name="nameOf">What the message calls an option.</param>
    internal static List<string> GetEndpointFailures(
        Option options, Option transport, EndPoint endPoint, Func<string, string> nameOf)
    {
        List<string> failures = GetFailures(s_endpointRows, options, nameOf);
        foreach (OptionRow row in s_endpointRows)
        {
            object? unset = row.Get(s_defaults);
            if (row.HasEffectOn is { } hasEffectOn && !hasEffectOn(endPoint)
                && !Equals(row.Get(options), unset) && !Equals(row.Get(options), row.Get(transport)))
            {
                string allowed = $"{unset ?? "null"}, because {endPoint} is not {row.Scope}";
                failures.Add(Failure(row, options, nameOf, allowed));
            }
        }

        return failures;
    }

    private static IEnumerable<string> ConfigurableNamesOf(OptionRow[] rows)
        => rows.Where(static row => row.Parse is not null).Select(static row => row.Name);

    private static void Apply(OptionRow[] rows, IConfigurationSection section, Option options, string owner)
    {
        foreach (IConfigurationSection entry in section.GetChildren())
        {
            OptionRow row = Array.Find(
                rows,
                row => row.Parse is not null && row.Name.Equals(entry.Key, StringComparison.OrdinalIgnoreCase))
                ?? throw new InvalidOperationException(
                    $"'{entry.Path}' is not an option of {owner}. Options: "
                        + $"{string.Join(", ", ConfigurableNamesOf(rows))}.");
            try
            {
                row.Parse!(options, entry.Value);
            }
            catch (Exception exception) when (exception is FormatException or OverflowException or ArgumentException)
            {
                throw new InvalidOperationException(
                    $"'{entry.Path}' is '{entry.Value}'; allowed: {row.Text}.", exception);
            }
        }
    }

    private static List<string> GetFailures(OptionRow[] rows, Option options, Func<string, string> nameOf)
    {
        var failures = new List<string>();
        foreach (OptionRow row in rows)
        {
            if (row.IsValid is { } isValid && !isValid(options))
            {
                failures.Add(Failure(row, options, nameOf, row.Allowed));
            }
        }

        return failures;
    }

    private static string Failure(OptionRow row, Option options, Func<string, string> nameOf, string allowed)
        => string.Create(
            CultureInfo.InvariantCulture,
            $"{nameOf(row.Name)} is {row.Get(options) ?? "null"}; allowed: {allowed}.");

    private static ApplicationScheduling ParseScheduling(string? text)
        => Enum.TryParse(text, ignoreCase: true, out ApplicationScheduling scheduling) && Enum.IsDefined(scheduling)
            ? scheduling
            : throw new FormatException();

    private static UnixFileMode? ParseFileMode(string? text)
        => string.IsNullOrEmpty(text) ? null
            : text.Length <= 4 ? (UnixFileMode)Convert.ToInt32(text, fromBase: 8)
            : throw new FormatException();

    private static OptionRow Number(
        string name,
        Func<Option, int> get,
        Action<Option, int> set,
        int min,
        int max = int.MaxValue)
        => new(name, options => get(options))
        {
            Parse = (options, text) => set(options, int.Parse(text!, CultureInfo.InvariantCulture)),
            Text = "a whole number",
            IsValid = options => get(options) >= min && get(options) <= max,
            Allowed = max == int.MaxValue ? $"{min} or more" : $"{min} to {max}",
        };

    private static OptionRow Flag(
        string name, Func<Option, bool> get, Action<Option, bool> set)
        => new(name, options => get(options))
        {
            Parse = (options, text) => set(options, bool.Parse(text!)),
            Text = "true or false",
        };

    private static OptionRow Size(
        string name, Func<Option, long?> get, Action<Option, long?> set)
        => new(name, options => get(options))
        {
            Parse = (options, text) => set(
                options, string.IsNullOrEmpty(text) ? null : long.Parse(text, CultureInfo.InvariantCulture)),
            Text = "a number of bytes, or null for no limit",
            IsValid = options => get(options) is null or >= 0,
            Allowed = "null, 0 (no limit) or a number of bytes",
        };

    private static OptionRow Duration(
        string name,
        Func<Option, TimeSpan> get,
        Action<Option, TimeSpan> set,
        string example,
        Func<Option, bool> isValid,
        string allowed,
        bool mayBeNone = false)
        => new(name, options => get(options))
        {
            Parse = (options, text) => set(
                options,
                mayBeNone && "none".Equals(text, StringComparison.OrdinalIgnoreCase)
                    ? Timeout.InfiniteTimeSpan
                    : TimeSpan.Parse(text!, CultureInfo.InvariantCulture)),
            Text = $"a time span such as {example}{(mayBeNone ? ", or none" : string.Empty)}",
            IsValid = isValid,
            Allowed = allowed,
        };
}
