using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>The section <c>Kestrel:FdmTransport</c>.</summary>
public sealed class ConfigurationTests
{
    public static TheoryData<string, string, object?> Readable { get; } = new()
    {
        { "Backlog", "33", 33 },
        { "backlog", "33", 33 },
        { "NODELAY", "False", false },
        { "MaxReadBufferSize", "12345678901", 12_345_678_901L },
        { "MaxReadBufferSize", "0", 0L },
        { "MaxReadBufferSize", "", null },
        { "MaxWriteBufferSize", "4096", 4096L },
        { "MaxWriteBufferSize", "", null },
        { "LoopCount", "5", 5 },
        { "Scheduling", "Inline", ApplicationScheduling.Inline },
        { "Scheduling", "threadpool", ApplicationScheduling.ThreadPool },
        { "SpinDuration", "00:00:00.000050", TimeSpan.FromMicroseconds(50) },
        { "SpinDuration", "00:00:00", TimeSpan.Zero },
        { "StallThreshold", "00:00:00.005", TimeSpan.FromMilliseconds(5) },
        { "MaxStandbyThreads", "7", 7 },
        { "MaxBlockingThreads", "0", 0 },
        { "ConnectTimeout", "00:00:05", TimeSpan.FromSeconds(5) },
        { "ConnectTimeout", "-00:00:00.0010000", System.Threading.Timeout.InfiniteTimeSpan },
        { "ConnectTimeout", "none", System.Threading.Timeout.InfiniteTimeSpan },
        { "PollingSets", "false", false },
        { "HotGap", "00:00:00.001", TimeSpan.FromMilliseconds(1) },
        { "WarmGap", "00:00:01", TimeSpan.FromSeconds(1) },
        { "RebalanceConnections", "false", false },
        { "AcceptQueueLength", "1", 1 },
        { "IdleTimeout", "00:02:00", TimeSpan.FromMinutes(2) },
        { "IdleTimeout", "-00:00:00.0010000", System.Threading.Timeout.InfiniteTimeSpan },
        { "IdleTimeout", "None", System.Threading.Timeout.InfiniteTimeSpan },
        { "ReusePort", "true", true },

        {
            "UnixSocketFileMode",
            "660",
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        },
        { "UnixSocketFileMode", "0700", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute },
        { "UnixSocketFileMode", "", null },
        { "ReplaceStaleUnixSocket", "false", false },
    };

    public static TheoryData<string, string, string> Unreadable { get; } = new()
    {
        { "Backlog", "many", "a whole number" },
        { "Backlog", "", "a whole number" },
        { "Backlog", "99999999999", "a whole number" },
        { "NoDelay", "yes", "true or false" },
        { "MaxReadBufferSize", "1 MB", "a number of bytes, or null for no limit" },
        { "MaxWriteBufferSize", "64k", "a number of bytes, or null for no limit" },
        { "LoopCount", "1.5", "a whole number" },
        { "ReusePort", "1", "true or false" },
        { "Scheduling", "Fast", "Adaptive, Inline or ThreadPool" },
        { "Scheduling", "3", "Adaptive, Inline or ThreadPool" },
        { "Scheduling", "Inline, ThreadPool", "Adaptive, Inline or ThreadPool" },
        { "ConnectTimeout", "soon", "a time span such as 00:00:05, or none" },
        { "StallThreshold", "2ms", "a time span such as 00:00:00.002 (2 ms)" },
        { "MaxStandbyThreads", "some", "a whole number" },
        { "MaxBlockingThreads", "", "a whole number" },
        { "SpinDuration", "20us", "a time span such as 00:00:00.000050 (50 µs)" },
        { "PollingSets", "on", "true or false" },
        { "HotGap", "5ms", "a time span such as 00:00:00.005 (5 ms)" },
        { "WarmGap", "long", "a time span such as 00:00:00.250 (250 ms)" },
        { "RebalanceConnections", "", "true or false" },
        { "AcceptQueueLength", "-", "a whole number" },
        { "IdleTimeout", "2m", "a time span such as 00:02:00, or none" },
        { "ReusePort", "on", "true or false" },
        { "UnixSocketFileMode", "rw-rw----", "an octal number such as 660, or null for what the umask leaves" },
        { "UnixSocketFileMode", "680", "an octal number such as 660, or null for what the umask leaves" },
        { "UnixSocketFileMode", "00660", "an octal number such as 660, or null for what the umask leaves" },
        { "ReplaceStaleUnixSocket", "0", "true or false" },
    };

    /// <summary>The options that a text can set: all but the function.</summary>
    private static string[] Keys =>
    [
        .. typeof(FdmTransportOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(property => property.Name)
            .Where(name => !string.Equals(
                name, nameof(FdmTransportOptions.CreateBoundListenSocket), StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Readable))]
    public void A_value_is_read(string key, string value, object? expected)
    {
        FdmTransportOptions options = HostedOptions.Read(host => host.UseFdmTransport(), (key, value));

        PropertyInfo property = typeof(FdmTransportOptions).GetProperties()
            .Single(property => string.Equals(property.Name, key, StringComparison.OrdinalIgnoreCase));
        Assert.Equal(expected, property.GetValue(options));
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task A_value_that_cannot_be_read_fails_the_start_and_says_what_can(
        string key, string value, string allowed)
    {
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => HostedOptions.StartAsync(host => host.UseFdmTransport(), (key, value)));

        Assert.Equal($"'Kestrel:FdmTransport:{key}' is '{value}'; allowed: {allowed}.", failure.Message);
    }

    [Theory]
    [InlineData("LoopCuont")]
    [InlineData("IOQueueCount")]
    [InlineData("CreateBoundListenSocket")]
    public async Task A_key_that_is_no_option_fails_the_start_and_names_the_options(string key)
    {
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => HostedOptions.StartAsync(host => host.UseFdmTransport(), (key, "1")));

        Assert.StartsWith(
            $"'Kestrel:FdmTransport:{key}' is not an option of the FDM transport.",
            failure.Message,
            StringComparison.Ordinal);
        Assert.All(Keys, option => Assert.Contains(option, failure.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_option_that_a_text_can_set_has_a_key()
    {
        foreach (string key in Keys)
        {
            object value = typeof(FdmTransportOptions).GetProperty(key)!.GetValue(new FdmTransportOptions())!;
            HostedOptions.Read(
                host => host.UseFdmTransport(),
                (key, Convert.ToString(value, CultureInfo.InvariantCulture)));
        }
    }

    [Fact]
    public void Values_do_not_depend_on_the_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            culture.NumberFormat.NegativeSign = "~";
            culture.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = culture;

            Assert.Equal(
                TimeSpan.FromMicroseconds(50),
                HostedOptions.Read(host => host.UseFdmTransport(), ("SpinDuration", "00:00:00.00005")).SpinDuration);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Values_come_from_the_command_line_too()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(["--Kestrel:FdmTransport:Scheduling=Inline"]);
        builder.WebHost.UseFdmTransport();
        using WebApplication application = builder.Build();

        Assert.Equal(
            ApplicationScheduling.Inline,
            application.Services.GetRequiredService<IOptions<FdmTransportOptions>>().Value.Scheduling);
    }
}
