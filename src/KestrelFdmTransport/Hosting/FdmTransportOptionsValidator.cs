using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Hosting;

/// <summary>Says of every option that has a value it must not have: its name, the value, and what is allowed.</summary>
internal sealed class FdmTransportOptionsValidator : IValidateOptions<FdmTransportOptions>
{
    public ValidateOptionsResult Validate(string? name, FdmTransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> failures = GetFailures(options);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    internal static void ThrowIfInvalid(FdmTransportOptions options)
    {
        List<string> failures = GetFailures(options);
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(FdmTransportOptions), failures);
        }
    }

    private static List<string> GetFailures(FdmTransportOptions options)
    {
        var failures = new List<string>();
        Check(options.Backlog >= 0, nameof(options.Backlog), options.Backlog, "0 or more");
        Check(options.MaxReadBufferSize is null or >= 0, nameof(options.MaxReadBufferSize), options.MaxReadBufferSize, "null, 0 (no limit) or a number of bytes");
        Check(options.MaxWriteBufferSize is null or >= 0, nameof(options.MaxWriteBufferSize), options.MaxWriteBufferSize, "null, 0 (no limit) or a number of bytes");
        Check(options.CreateBoundListenSocket is not null, nameof(options.CreateBoundListenSocket), null, "a function that returns a bound socket");
        Check(options.LoopCount is >= 1 and <= FdmTransportOptions.MaxLoopCount, nameof(options.LoopCount), options.LoopCount, "1 to 1024");
        Check(Enum.IsDefined(options.Scheduling), nameof(options.Scheduling), options.Scheduling, "Adaptive, Inline or ThreadPool");
        Check(
            options.SpinDuration >= TimeSpan.Zero && options.SpinDuration <= FdmTransportOptions.MaxSpinDuration,
            nameof(options.SpinDuration),
            options.SpinDuration,
            "00:00:00 (never) to 00:00:00.0010000 (1 ms)");
        Check(
            options.AcceptQueueLength is >= 1 and <= FdmTransportOptions.MaxAcceptQueueLength,
            nameof(options.AcceptQueueLength),
            options.AcceptQueueLength,
            "1 to 1000000");
        Check(
            options.StallThreshold >= TimeSpan.Zero && options.StallThreshold <= FdmTransportOptions.MaxStallThreshold,
            nameof(options.StallThreshold),
            options.StallThreshold,
            "00:00:00 to 00:01:00");
        Check(
            options.MaxStandbyThreads is >= 0 and <= FdmTransportOptions.StandbyThreadsLimit,
            nameof(options.MaxStandbyThreads),
            options.MaxStandbyThreads,
            "0 to 1024");
        Check(
            options.MaxBlockingThreads is >= 0 and <= FdmTransportOptions.BlockingThreadsLimit,
            nameof(options.MaxBlockingThreads),
            options.MaxBlockingThreads,
            "0 to 4096");
        Check(
            (options.ConnectTimeout > TimeSpan.Zero && options.ConnectTimeout <= FdmTransportOptions.MaxConnectTimeout) || options.ConnectTimeout == Timeout.InfiniteTimeSpan,
            nameof(options.ConnectTimeout),
            options.ConnectTimeout,
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)");
        Check(Connections.IdleTimeout.IsValid(options.IdleTimeout), nameof(options.IdleTimeout), options.IdleTimeout, Connections.IdleTimeout.Allowed);
        Check(
            options.UnixSocketFileMode is null || (options.UnixSocketFileMode & ~FdmTransportOptions.AllPermissions) == 0,
            nameof(options.UnixSocketFileMode),
            options.UnixSocketFileMode,
            "null (what the umask leaves), or permissions to read, write and execute");
        Check(
            options.HotGap > TimeSpan.Zero && (options.HotGap <= options.WarmGap || options.WarmGap <= TimeSpan.Zero),
            nameof(options.HotGap),
            options.HotGap,
            "more than 00:00:00, at most WarmGap");
        Check(
            options.WarmGap > TimeSpan.Zero && options.WarmGap <= FdmTransportOptions.MaxWarmGap,
            nameof(options.WarmGap),
            options.WarmGap,
            "HotGap to 00:01:00");
        return failures;

        void Check(bool valid, string option, object? value, string allowed)
        {
            if (!valid)
            {
                failures.Add(string.Create(CultureInfo.InvariantCulture, $"{nameof(FdmTransportOptions)}.{option} is {value ?? "null"}; allowed: {allowed}."));
            }
        }
    }
}
