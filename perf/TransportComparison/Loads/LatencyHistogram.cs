using System;
using System.Numerics;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Counts durations in classes that are at most 1.6 % wide.</summary>
internal sealed class LatencyHistogram
{
    private const int Bits = 6;
    private const int ClassesPerPower = 1 << Bits;

    private readonly long[] _counts = new long[(63 - Bits + 1) * ClassesPerPower];

    internal long Count { get; private set; }

    internal void Record(long nanoseconds)
    {
        _counts[Class(Math.Max(0, nanoseconds))]++;
        Count++;
    }

    internal void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    internal void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
    }

    /// <summary>In microseconds; not a number if there is none.</summary>
    internal double Percentile(double percent)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(Count * percent / 100));
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
            {
                return Middle(i) / 1000;
            }
        }

        return double.NaN;
    }

    /// <summary>
    /// The first 64 nanoseconds have a class each, and so has every 64th part of each power of two above.
    /// </summary>
    private static int Class(long nanoseconds)
    {
        if (nanoseconds < ClassesPerPower)
        {
            return (int)nanoseconds;
        }

        int shift = BitOperations.Log2((ulong)nanoseconds) - Bits;
        return ((shift + 1) << Bits) | (int)((nanoseconds >> shift) & (ClassesPerPower - 1));
    }

    private static double Middle(int index)
    {
        if (index < ClassesPerPower)
        {
            return index;
        }

        int shift = (index >> Bits) - 1;
        long low = (long)(ClassesPerPower + (index & (ClassesPerPower - 1))) << shift;
        return low + (((1L << shift) - 1) / 2.0);
    }
}
