using System;
using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Reads a loop's figures for the public.</summary>
internal static class StatisticsReader
{
    internal static EventLoopStatistics Read(EventLoop loop) => new()
    {
        Name = loop.Name,
        Connections = loop.ConnectionCount,
        Accepts = loop.Counters.Accepts,
        Iterations = loop.Sets.Iterations,
        EpollWaits = loop.Counters.EpollWaits,
        Events = loop.Counters.Events,
        Stalls = loop.Stalls,
        Offloaded = loop.Counters.Offloaded,
        ReadPauses = loop.Counters.ReadPauses,
        IdleTimeouts = loop.Counters.IdleTimeouts,
        AcceptPauses = loop.Counters.AcceptPauses,
        Migrations = loop.Counters.Migrations,
        Utilization = loop.Utilization.Utilization(Stopwatch.GetTimestamp()) / (double)LoopUtilization.Scale,
        Activity = loop.Utilization.Activity(Stopwatch.GetTimestamp()),
        OldestReady = Age(loop),
        Hot = Read(loop.Sets.Hot, loop.Sets.Queued(PollingSet.Hot)),
        Warm = Read(loop.Sets.Warm, loop.Sets.Queued(PollingSet.Warm)),
        Cold = Read(loop.Sets.Cold, loop.Sets.Queued(PollingSet.Cold)),
    };

    private static PollingSetStatistics Read(PollingSetCounters count, int queued)
        => new()
        {
            Polls = count.Polls,
            Dispatched = count.Dispatched,
            MeanQueueDelay = Stopwatch.GetElapsedTime(0, count.Dispatched == 0 ? 0 : count.Delay / count.Dispatched),
            Queued = queued,
            QueueDelay = Stopwatch.GetElapsedTime(0, count.Delay),
        };

    internal static ThreadStatistics Read(EventLoopGroup group) => new()
    {
        Handoffs = group.Standbys.Handoffs,
        StandbyThreads = group.Standbys.Parked,
        StalledThreads = group.Standbys.Stalled,
        BlockingThreads = group.BlockingThreads.Threads,
    };

    /// <summary>Rough, because the queues are read while the loop may be changing them.</summary>
    private static TimeSpan Age(EventLoop loop)
        => Stopwatch.GetElapsedTime(
            0,
            Math.Clamp(loop.Sets.OldestQueued(Stopwatch.GetTimestamp()), 0, Stopwatch.Frequency * 3600));
}
