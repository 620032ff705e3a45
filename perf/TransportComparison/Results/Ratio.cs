using System;
using System.Globalization;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>A median of ratios, and the medians of its bootstrap samples.</summary>
internal sealed class Ratio(double median, double[] medians)
{
    internal double Median { get; } = median;

    internal double[] Medians { get; } = medians;

    internal double Low => Statistics.Quantile(Medians, 0.025);

    internal double High => Statistics.Quantile(Medians, 0.975);

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Number(Median)} ({Number(Low)}–{Number(High)})");

    private static string Number(double value)
        => value.ToString(
            Math.Abs(value) switch { >= 100 => "0", >= 10 => "0.0", < 0.1 => "0.0000", _ => "0.00" },
            CultureInfo.InvariantCulture);
}
