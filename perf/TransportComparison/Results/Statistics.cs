using System;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Results;

internal static class Statistics
{
    private const int Resamples = 2000;

    internal static double Median(ReadOnlySpan<double> values) => Quantile(values, 0.5);

    /// <summary>Half of the distance between the quartiles, as a share of the median.</summary>
    internal static double Spread(ReadOnlySpan<double> values)
        => Median(values) is var median and not 0 ? (Quantile(values, 0.75) - Quantile(values, 0.25)) / 2 / median : 0;

    /// <summary>Between two values it goes straight from one to the other.</summary>
    internal static double Quantile(ReadOnlySpan<double> values, double quantile)
    {
        if (values.IsEmpty)
        {
            return double.NaN;
        }

        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        double position = quantile * (sorted.Length - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>
    /// The median and the 95 % bootstrap interval of paired ratios: each round is compared with itself.
    /// </summary>
    internal static Ratio PairedRatio(ReadOnlySpan<double> values, ReadOnlySpan<double> references)
    {
        double[] ratios = new double[Math.Min(values.Length, references.Length)];
        for (int i = 0; i < ratios.Length; i++)
        {
            ratios[i] = values[i] / references[i];
        }

        return new Ratio(Median(ratios), ResampledMedians(ratios));
    }

    /// <summary>How one ratio has changed into another, each with rounds of its own.</summary>
    internal static Ratio Change(Ratio before, Ratio now)
        => new(now.Median / before.Median, [.. now.Medians.Zip(before.Medians, (a, b) => a / b)]);

    /// <summary>The same figures always give the same interval.</summary>
    private static double[] ResampledMedians(double[] values)
    {
        var random = new Random(values.Length);
        double[] medians = new double[Resamples];
        double[] sample = new double[values.Length];
        for (int i = 0; i < medians.Length; i++)
        {
            for (int j = 0; j < sample.Length; j++)
            {
                sample[j] = values[random.Next(values.Length)];
            }

            medians[i] = Median(sample);
        }

        return medians;
    }
}
