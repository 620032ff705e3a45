using System;
using System.IO;
using System.Reflection;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Options with values from all over their types, above all near the ends of ranges. They follow from a seed.
/// </summary>
internal static class RandomOptions
{
    private static readonly int[] s_numbers =
        [int.MinValue, -1, 0, 1, 2, 3, 64, 1_024, 1_025, 4_096, 4_097, 1_000_000, 1_000_001, int.MaxValue];

    private static readonly TimeSpan[] s_times =
    [
        TimeSpan.MinValue,
        TimeSpan.FromTicks(-1),
        Timeout.InfiniteTimeSpan,
        TimeSpan.Zero,
        TimeSpan.FromTicks(1),
        TimeSpan.FromMicroseconds(20),
        TimeSpan.FromMilliseconds(1),
        TimeSpan.FromTicks(10_001),
        TimeSpan.FromMilliseconds(99),
        TimeSpan.FromMinutes(1),
        TimeSpan.FromMinutes(1)
            + TimeSpan.FromTicks(1), TimeSpan.FromDays(24), TimeSpan.FromDays(25), TimeSpan.MaxValue,
    ];

    public static FdmTransportOptions Create(int seed)
    {
        var random = new Random(seed);
        var options = new FdmTransportOptions { LoopCount = 1 };
        PropertyInfo[] properties =
            Array.FindAll(typeof(FdmTransportOptions).GetProperties(), property => property.CanWrite);
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            PropertyInfo property = properties[random.Next(properties.Length)];
            if (Value(property.PropertyType, random) is { } value)
            {
                property.SetValue(options, value);
            }
        }

        return options;
    }

    private static object? Value(Type type, Random random)
        => type == typeof(int) ? Pick(s_numbers, random)
            : type == typeof(long?) ? (long)Pick(s_numbers, random)
            : type == typeof(TimeSpan) ? Pick(s_times, random)
            : type == typeof(bool) ? random.Next(2) == 0
            : type == typeof(UnixFileMode?) ? (UnixFileMode)random.Next(1 << 13)
            : type == typeof(ApplicationScheduling) ? (ApplicationScheduling)random.Next(-1, 4)
            : null;

    private static T Pick<T>(T[] values, Random random) => values[random.Next(values.Length)];
}
