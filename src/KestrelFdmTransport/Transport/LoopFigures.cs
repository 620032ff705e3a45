using System;
using System.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Transport;

/// <summary>Reads a loop's figures for the public.</summary>
internal static class LoopFigures
{
    internal static EventLoopStatistics Of(EventLoop loop) => new()
    {
        Name = loop.Name,
        Connections = loop.Connections,
        Accepts = loop.Accepts,
        Turns = loop.Sets.Turns,
        Harvests = loop.Harvests,
        Events = loop.Events,
        Stalls = loop.Stalls,
        Dispatched = loop.Dispatched,
        Pauses = loop.Pauses,
        IdleTimeouts = loop.IdleTimeouts,
        Rests = loop.Rests,
        Moves = loop.Moves,
        Busy = loop.Load.Busy(Stopwatch.GetTimestamp()) / (double)LoopLoad.Full,
        Heat = loop.Load.Heat(Stopwatch.GetTimestamp()),
        BacklogAge = Age(loop),
        Hot = Of(loop.Sets.Hot, loop.Sets.Waiting(PollingSet.Hot)),
        Warm = Of(loop.Sets.Warm, loop.Sets.Waiting(PollingSet.Warm)),
        Cold = Of(loop.Sets.Cold, loop.Sets.Waiting(PollingSet.Cold)),
    };

    private static PollingSetStatistics Of(PollingSetCount count, int waiting)
        => new()
        {
            Polls = count.Polls,
            Served = count.Served,
            MeanDelay = Stopwatch.GetElapsedTime(0, count.Served == 0 ? 0 : count.Delay / count.Served),
            Waiting = waiting,
        };

    internal static ThreadStatistics Of(EventLoopGroup group) => new()
    {
        HandOvers = group.Standbys.HandOvers,
        StandbyThreads = group.Standbys.Parked,
        StalledThreads = group.Standbys.Stalled,
        BlockingThreads = group.Lane.Threads,
        BlockingQueue = group.Lane.Queued,
    };

    /// <summary>Rough, because the queues are read while the loop may be changing them.</summary>
    internal static TimeSpan Age(EventLoop loop)
        => Stopwatch.GetElapsedTime(0, Math.Clamp(loop.Sets.OldestWaiting(Stopwatch.GetTimestamp()), 0, Stopwatch.Frequency * 3600));
}
