using System;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// A value that is not allowed keeps the host from starting, with a message that names option, value and remedy.
/// </summary>
public sealed class OptionValidationTests
{
    private const string IdleTimeouts =
        "00:00:00.1000000 (100 ms) to 24.00:00:00 (24 days), or -00:00:00.0010000 (none)";
    private const string FileModes = "null (what the umask leaves), or permissions to read, write and execute";

    public static TheoryData<string, object?, string> Invalid { get; } = new()
    {
        { nameof(FdmTransportOptions.Backlog), -1, "0 or more" },
        { nameof(FdmTransportOptions.Backlog), int.MinValue, "0 or more" },
        { nameof(FdmTransportOptions.MaxReadBufferSize), -1L, "null, 0 (no limit) or a number of bytes" },
        { nameof(FdmTransportOptions.MaxWriteBufferSize), long.MinValue, "null, 0 (no limit) or a number of bytes" },
        { nameof(FdmTransportOptions.CreateBoundListenSocket), null, "a function that returns a bound socket" },
        { nameof(FdmTransportOptions.LoopCount), 0, "1 to 1024" },
        { nameof(FdmTransportOptions.LoopCount), 1025, "1 to 1024" },
        { nameof(FdmTransportOptions.Scheduling), (ApplicationScheduling)3, "Adaptive, Inline or ThreadPool" },
        { nameof(FdmTransportOptions.Scheduling), (ApplicationScheduling)(-1), "Adaptive, Inline or ThreadPool" },
        { nameof(FdmTransportOptions.StallThreshold), TimeSpan.FromTicks(-1), "00:00:00 to 00:01:00" },
        { nameof(FdmTransportOptions.StallThreshold), TimeSpan.FromMinutes(2), "00:00:00 to 00:01:00" },
        { nameof(FdmTransportOptions.MaxStandbyThreads), -1, "0 to 1024" },
        { nameof(FdmTransportOptions.MaxStandbyThreads), 1025, "0 to 1024" },
        { nameof(FdmTransportOptions.MaxBlockingThreads), -1, "0 to 4096" },
        { nameof(FdmTransportOptions.MaxBlockingThreads), 4097, "0 to 4096" },

        {
            nameof(FdmTransportOptions.ConnectTimeout),
            TimeSpan.Zero,
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)"
        },

        {
            nameof(FdmTransportOptions.ConnectTimeout),
            TimeSpan.MaxValue,
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)"
        },

        {
            nameof(FdmTransportOptions.ConnectTimeout),
            TimeSpan.FromDays(24) + TimeSpan.FromTicks(1),
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)"
        },

        {
            nameof(FdmTransportOptions.ConnectTimeout),
            TimeSpan.FromTicks(-1),
            "more than 00:00:00, up to 24.00:00:00 (24 days), or -00:00:00.0010000 (no limit)"
        },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.Zero, IdleTimeouts },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.FromMilliseconds(99), IdleTimeouts },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.FromSeconds(-1), IdleTimeouts },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.FromDays(25), IdleTimeouts },
        { nameof(FdmTransportOptions.UnixSocketFileMode), (UnixFileMode)512, FileModes },
        { nameof(FdmTransportOptions.UnixSocketFileMode), UnixFileMode.SetUser | UnixFileMode.UserRead, FileModes },

        {
            nameof(FdmTransportOptions.SpinDuration),
            TimeSpan.FromTicks(-1),
            "00:00:00 (never) to 00:00:00.0010000 (1 ms)"
        },

        {
            nameof(FdmTransportOptions.SpinDuration),
            TimeSpan.FromTicks(10_001),
            "00:00:00 (never) to 00:00:00.0010000 (1 ms)"
        },
        { nameof(FdmTransportOptions.HotGap), TimeSpan.Zero, "more than 00:00:00, at most WarmGap" },
        { nameof(FdmTransportOptions.HotGap), TimeSpan.FromMilliseconds(251), "more than 00:00:00, at most WarmGap" },
        { nameof(FdmTransportOptions.WarmGap), TimeSpan.FromMinutes(2), "HotGap to 00:01:00" },
        { nameof(FdmTransportOptions.AcceptQueueLength), 0, "1 to 1000000" },
        { nameof(FdmTransportOptions.AcceptQueueLength), 1_000_001, "1 to 1000000" },
    };

    public static TheoryData<string, object?> Extremes { get; } = new()
    {
        { nameof(FdmTransportOptions.Backlog), 0 },
        { nameof(FdmTransportOptions.Backlog), int.MaxValue },
        { nameof(FdmTransportOptions.MaxReadBufferSize), null },
        { nameof(FdmTransportOptions.MaxReadBufferSize), 0L },
        { nameof(FdmTransportOptions.MaxReadBufferSize), long.MaxValue },
        { nameof(FdmTransportOptions.MaxWriteBufferSize), null },
        { nameof(FdmTransportOptions.MaxWriteBufferSize), 0L },
        { nameof(FdmTransportOptions.LoopCount), 1 },
        { nameof(FdmTransportOptions.LoopCount), 1024 },
        { nameof(FdmTransportOptions.ConnectTimeout), TimeSpan.FromTicks(1) },
        { nameof(FdmTransportOptions.ConnectTimeout), TimeSpan.FromDays(24) },
        { nameof(FdmTransportOptions.ConnectTimeout), System.Threading.Timeout.InfiniteTimeSpan },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.FromMilliseconds(100) },
        { nameof(FdmTransportOptions.IdleTimeout), TimeSpan.FromDays(24) },
        { nameof(FdmTransportOptions.IdleTimeout), System.Threading.Timeout.InfiniteTimeSpan },
        { nameof(FdmTransportOptions.UnixSocketFileMode), null },
        { nameof(FdmTransportOptions.UnixSocketFileMode), UnixFileMode.None },
        { nameof(FdmTransportOptions.UnixSocketFileMode), (UnixFileMode)511 },
        { nameof(FdmTransportOptions.SpinDuration), TimeSpan.Zero },
        { nameof(FdmTransportOptions.SpinDuration), TimeSpan.FromMilliseconds(1) },
        { nameof(FdmTransportOptions.HotGap), TimeSpan.FromMilliseconds(250) },
        { nameof(FdmTransportOptions.WarmGap), TimeSpan.FromMinutes(1) },
        { nameof(FdmTransportOptions.AcceptQueueLength), 1 },
        { nameof(FdmTransportOptions.AcceptQueueLength), 1_000_000 },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task An_invalid_value_fails_the_start_of_the_host(string option, object? value, string allowed)
    {
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => HostedOptions.StartAsync(host => host.UseFdmTransport(options => Set(options, option, value))));

        Assert.Equal(Message(option, value, allowed), Assert.Single(failure.Failures));
        Assert.Contains(Message(option, value, allowed), failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void An_invalid_value_fails_a_factory_without_a_host(string option, object? value, string allowed)
    {
        var options = new FdmTransportOptions();
        Set(options, option, value);

        OptionsValidationException failure = Assert.Throws<OptionsValidationException>(
            () => new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance));

        Assert.Equal(Message(option, value, allowed), Assert.Single(failure.Failures));
    }

    [Fact]
    public async Task Every_invalid_value_is_named()
    {
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(
            () => HostedOptions.StartAsync(
                host => host.UseFdmTransport(options => options.Backlog = -1),
                ("LoopCount", "0")));

        Assert.Equal(
            [
                Message(nameof(FdmTransportOptions.Backlog), -1, "0 or more"),
                Message(nameof(FdmTransportOptions.LoopCount), 0, "1 to 1024"),
            ],
            failure.Failures,
            StringComparer.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Extremes))]
    public void The_ends_of_a_range_are_in_it(string option, object? value)
    {
        var options = new FdmTransportOptions();
        Set(options, option, value);

        Assert.True(new FdmTransportOptionsValidator().Validate(null, options).Succeeded);
    }

    [Fact]
    public Task With_the_defaults_the_host_starts() => HostedOptions.StartAsync(host => host.UseFdmTransport());

    private static void Set(FdmTransportOptions options, string option, object? value)
        => typeof(FdmTransportOptions).GetProperty(option)!.SetValue(options, value);

    private static string Message(string option, object? value, string allowed)
        => string.Create(
            CultureInfo.InvariantCulture,
            $"FdmTransportOptions.{option} is {value ?? "null"}; allowed: {allowed}.");
}
