using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>Simulated clients that all do the same, and what they have seen. Times are in microseconds.</summary>
/// <param name="count">How many.</param>
/// <param name="think">From the answer to the next request, apart from the round trip.</param>
internal sealed class ClientClass(int count, Func<Random, double> think)
{
    private readonly List<double> _latencies = [];
    private readonly long[] _served = new long[3];

    public int Count => count;

    public double RoundTrip { get; init; } = 60;

    /// <summary>The time of thinking begins with the request, as far as the answer is there by then.</summary>
    public bool Paced { get; init; }

    /// <summary>Each request is the first of a new connection.</summary>
    public bool Reconnects { get; init; }

    public long Requests => _latencies.Count;

    /// <summary>
    /// When the client that has waited longest for its next answer, or still waits, had its last one.
    /// </summary>
    public double LongestSilence { get; private set; }

    public double Think(Random random) => think(random);

    public double Percentile(double percent)
    {
        _latencies.Sort();
        return _latencies[(int)Math.Min(_latencies.Count - 1, _latencies.Count * percent / 100)];
    }

    public double Longest => Percentile(100);

    /// <summary>The part of the requests that came while the connection was in that set.</summary>
    public double PartIn(PollingSet set) => (double)_served[(int)set] / Requests;

    public void Answered(double latency, PollingSet set)
    {
        _latencies.Add(latency);
        _served[(int)set]++;
    }

    public void Silent(double time) => LongestSilence = Math.Max(LongestSilence, time);
}
