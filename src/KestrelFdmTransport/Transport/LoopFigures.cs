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
        Hot = Of(loop.Sets.Hot, loop.Sets.Waiting(PollingSet.Hot)),
        Warm = Of(loop.Sets.Warm, loop.Sets.Waiting(PollingSet.Warm)),
        Cold = Of(loop.Sets.Cold, loop.Sets.Waiting(PollingSet.Cold)),
    };

    private static PollingSetStatistics Of(PollingSetCount count, int waiting)
        => new() { Polls = count.Polls, Served = count.Served, Waiting = waiting };
}
