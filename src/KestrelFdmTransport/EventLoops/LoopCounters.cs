using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What a loop counts for its statistics. Its owner writes, any thread reads.</summary>
internal sealed class LoopCounters
{
    private int _connections;

    /// <summary>The connections of the loop. Any thread writes.</summary>
    internal int Connections => Volatile.Read(ref _connections);

    internal long Accepts { get; set; }

    internal long EpollWaits { get; set; }

    internal long Events { get; set; }

    /// <summary>Callbacks that run on another thread. A stalled thread writes too, and may lose a count.</summary>
    internal long Offloaded { get; set; }

    internal long ReadPauses { get; set; }

    internal long AcceptPauses { get; set; }

    internal long IdleTimeouts { get; set; }

    /// <summary>Connections that the loop has given to loops with less to do.</summary>
    internal long Migrations { get; set; }

    internal void AddConnection() => Interlocked.Increment(ref _connections);

    internal void RemoveConnection() => Interlocked.Decrement(ref _connections);
}
