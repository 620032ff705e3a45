using System.Collections.Generic;
using System.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Connections;

/// <summary>Finds the connections of some loops whose events come most often.</summary>
/// <remarks>Any thread.</remarks>
internal static class BusiestConnections
{
    /// <summary>The busiest first: by live counter, then by the time since the last event.</summary>
    internal static ConnectionStatistics[] Read(EventLoop[] loops, int max)
    {
        // Its root is the least busy of those that were found.
        var found = new PriorityQueue<ConnectionIo, (int Value, long LastServed)>();
        long now = Stopwatch.GetTimestamp();
        foreach (ConnectionIo io in OpenConnections.Of(loops))
        {
            if (io.IsShutDown)
            {
                continue;
            }

            LiveCounter counter = io.Counter;
            found.Enqueue(io, (io.Loop.Sets.Decay(counter, now), counter.LastServed));
            if (found.Count > max)
            {
                found.Dequeue();
            }
        }

        var busiest = new ConnectionStatistics[found.Count];
        for (int i = busiest.Length - 1; i >= 0; i--)
        {
            found.TryDequeue(out ConnectionIo? io, out (int Value, long LastServed) rank);
            busiest[i] = Read(io!.Connection, rank.Value);
        }

        return busiest;
    }

    private static ConnectionStatistics Read(FdmConnection connection, int liveCounter)
    {
        IFdmConnectionFeature feature = connection;
        return new ConnectionStatistics
        {
            ConnectionId = connection.ConnectionId,
            LocalEndPoint = connection.LocalEndPoint,
            RemoteEndPoint = connection.RemoteEndPoint,
            LoopIndex = feature.LoopIndex,
            PollingSet = feature.PollingSet,
            LiveCounter = liveCounter,
            IdleTime = feature.IdleTime,
            BytesReceived = feature.BytesReceived,
            BytesSent = feature.BytesSent,
        };
    }
}
