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
        State = loop.HasFailed && loop.Group.Failure is not null ? EventLoopState.Failed
            : loop.CannotBeWoken ? EventLoopState.CannotBeWoken
            : EventLoopState.Running,
        Connections = loop.ConnectionCount,
        Accepts = loop.Counters.Accepts,
        Iterations = loop.Sets.Iterations,
        EpollWaits = loop.Counters.EpollWaits,
        Events = loop.Counters.Events,
        Stalls = loop.Stalls,
        Callbacks = new CallbackStatistics
        {
            Inline = loop.Counters.Inline,
            ThreadPool = loop.Counters.Pooled,
            BlockingPool = loop.Counters.Blocking,
        },
        Traffic = new TrafficStatistics
        {
            BytesReceived = loop.Counters.BytesReceived,
            BytesSent = loop.Counters.BytesSent,
            Connects = loop.Counters.Connects,
            ConnectFailures = loop.Counters.ConnectFailures,
        },
        ReadPauses = loop.Counters.ReadPauses,
        IdleTimeouts = loop.Counters.IdleTimeouts,
        AcceptPauses = loop.Counters.AcceptPauses,
        Migrations = loop.Counters.Migrations,
        Utilization = loop.Utilization.Utilization(Stopwatch.GetTimestamp()) / (double)LoopUtilization.Scale,
        Activity = loop.Utilization.Activity(Stopwatch.GetTimestamp()),
        OldestReady = Age(loop),
        Hot = Read(loop.Sets.Hot),
        Warm = Read(loop.Sets.Warm),
        Cold = Read(loop.Sets.Cold),
    };

    private static PollingSetStatistics Read(ReadyQueue queue)
        => new()
        {
            Polls = queue.Polls,
            Dispatched = queue.Dispatched,
            MeanQueueDelay = Stopwatch.GetElapsedTime(0, queue.Dispatched == 0 ? 0 : queue.Delay / queue.Dispatched),
            Queued = queue.Count,
            QueueDelay = Stopwatch.GetElapsedTime(0, queue.Delay),
        };

    internal static ThreadStatistics Read(EventLoopGroup group) => new()
    {
        Handoffs = group.Scheduler.Standbys.Handoffs,
        StandbyThreads = group.Scheduler.Standbys.Parked,
        StalledThreads = group.Scheduler.Standbys.Stalled,
        StallTime = Stopwatch.GetElapsedTime(0, group.Scheduler.Standbys.StallTicks),
        IsStandbyLimitReached = group.Scheduler.Standbys.IsLimitReached,
        BlockingThreads = group.Scheduler.BlockingThreads.Threads,
    };

    /// <summary>Rough, because the queues are read while the loop may be changing them.</summary>
    private static TimeSpan Age(EventLoop loop)
        => Stopwatch.GetElapsedTime(
            0,
            Math.Clamp(loop.Sets.OldestQueued(Stopwatch.GetTimestamp()), 0, Stopwatch.Frequency * 3600));
}
