using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Values of an option at and beyond the ends of its range, of its type, and of what our own code computes with.
/// </summary>
internal static class OptionExtremes
{
    private static readonly int[] s_numbers =
    [
        int.MinValue,
        -1,
        0,
        1,
        2,
        1023,
        1024,
        1025,
        4096,
        4097,
        1_000_000,
        1_000_001,
        int.MaxValue,
    ];

    private static readonly TimeSpan[] s_times =
    [
        TimeSpan.MinValue,
        TimeSpan.FromTicks(-1),
        Timeout.InfiniteTimeSpan,
        TimeSpan.Zero,
        TimeSpan.FromTicks(1),
        TimeSpan.FromMilliseconds(1),
        TimeSpan.FromTicks(10_001),
        TimeSpan.FromTicks(999_999),
        TimeSpan.FromMilliseconds(100),
        TimeSpan.FromMinutes(1),
        TimeSpan.FromMinutes(1) + TimeSpan.FromTicks(1),
        TimeSpan.FromDays(24),
        TimeSpan.FromDays(24) + TimeSpan.FromTicks(1),
        TimeSpan.FromMilliseconds(int.MaxValue),
        TimeSpan.FromMilliseconds(int.MaxValue + 1L),
        TimeSpan.FromMilliseconds(uint.MaxValue),
        TimeSpan.FromTicks(long.MaxValue / 100), TimeSpan.FromTicks((long.MaxValue / 100) + 1), TimeSpan.MaxValue,
    ];

    public static PropertyInfo[] Properties { get; } = typeof(FdmTransportOptions).GetProperties(
        BindingFlags.Public | BindingFlags.Instance);

    /// <exception cref="NotSupportedException">There is an option of a type that this method does not know.</exception>
    public static IEnumerable<object?> ValuesOf(PropertyInfo option)
    {
        Type type = option.PropertyType;
        return type == typeof(bool) ? [false, true]
            : type == typeof(int) ? s_numbers.Cast<object?>()
            : type == typeof(long?) ? [null, long.MinValue, -1L, 0L, 1L, 2L, long.MaxValue - 1, long.MaxValue]
            : type == typeof(TimeSpan) ? s_times.Cast<object?>()
            : type == typeof(ApplicationScheduling) ?
            [
                (ApplicationScheduling)int.MinValue, (ApplicationScheduling)(-1),
                .. Enum.GetValues<ApplicationScheduling>(), (ApplicationScheduling)3,
                (ApplicationScheduling)int.MaxValue
            ]
            : type == typeof(UnixFileMode?) ?
            [
                null, UnixFileMode.None, (UnixFileMode)0x1FF, (UnixFileMode)0x200,
                (UnixFileMode)0xFFF, (UnixFileMode)(-1), (UnixFileMode)int.MaxValue
            ]
            : type == typeof(Func<EndPoint, Socket>) ?
            [
                null, (Func<EndPoint, Socket>)FdmTransportOptions.CreateDefaultBoundListenSocket
            ]
            : throw new NotSupportedException($"{option.Name} has the type {type}.");
    }

    /// <summary>The value in a configuration file; null if it has no text.</summary>
    public static string? TextOf(object? value) => value switch
    {
        null => "",
        UnixFileMode mode when (int)mode >= 0 => Convert.ToString((int)mode, 8),
        Delegate => null,
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>Texts of values that the option's type does not have.</summary>
    public static IEnumerable<string> TextsBeyond(PropertyInfo option)
    {
        Type type = option.PropertyType;
        return type == typeof(int) ? ["2147483648", "-2147483649", "1e3", "0x10", "Infinity"]
            : type == typeof(long?) ? ["9223372036854775808", "-9223372036854775809", "Infinity"]
            : type == typeof(TimeSpan) ?
            [
                "10675199.02:48:05.4775808", "-10675199.02:48:05.4775809", "Infinity", "25:00:00:00:00", ""
            ]
            : type == typeof(bool) ? ["2", "", "null"]
            : ["-", "99999999999"];
    }
}
