using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>A group of clients at work.</summary>
internal sealed class LoadGroup(ClientGroup clients, int index)
{
    /// <summary>Among all of a run.</summary>
    internal int Index { get; } = index;

    internal ClientGroup Clients { get; } = clients;

    internal byte[] Bytes { get; } = clients.Request.ToBytes(clients.Depth);

    internal byte[] SlowBytes { get; } = clients.SlowRequest?.ToBytes(clients.Depth) ?? [];

    internal LatencyHistogram Latencies { get; } = new();

    internal LatencyHistogram SlowLatencies { get; } = new();

    internal long Requests => Latencies.Count + SlowLatencies.Count;

    /// <summary>None of its requests was answered.</summary>
    internal bool IsStarved { get; private set; }

    internal void Clear()
    {
        Latencies.Clear();
        SlowLatencies.Clear();
    }

    /// <summary>
    /// A group without any answer still counts: its latencies are the times that its clients have waited.
    /// </summary>
    internal void CountStarved(IEnumerable<LoadConnection> all)
    {
        if (Requests == 0)
        {
            IsStarved = true;
            foreach (LoadConnection connection in all.Where(
                connection => connection.Group == this && connection.Waiting > 0))
            {
                Latencies.Record((long)Stopwatch.GetElapsedTime(connection.SentAt).TotalNanoseconds);
            }
        }
    }

    internal GroupOutcome Outcome(double seconds) => GroupOutcome.Of(Latencies, seconds) with
    {
        Rate = IsStarved ? 0 : Latencies.Count / seconds,
        SlowRate = SlowLatencies.Count / seconds,
        SlowP99 = SlowLatencies.Percentile(99),
    };
}
