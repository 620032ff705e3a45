using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What a loop counts for its statistics. Its owner writes, any thread reads.</summary>
internal sealed class LoopCounters
{
    private int _connections;
    private PaddedCount _bytesSent;

    /// <summary>The connections of the loop. Any thread writes.</summary>
    internal int Connections => Volatile.Read(ref _connections);

    internal long Accepts { get; set; }

    internal long EpollWaits { get; set; }

    internal long Events { get; set; }

    /// <summary>Callbacks for the thread pool. A stalled thread writes too, and may lose a count.</summary>
    internal long Pooled { get; set; }

    /// <summary>Callbacks for the blocking pool. A stalled thread writes too, and may lose a count.</summary>
    internal long Blocking { get; set; }

    /// <summary>Callbacks that run on the loop. A stalled thread writes too, and may lose a count.</summary>
    internal long Inline { get; set; }

    internal long BytesReceived { get; set; }

    internal long BytesSent => Volatile.Read(ref _bytesSent.Value);

    /// <summary>Connections that the application has opened.</summary>
    internal long Connects { get; set; }

    internal long ConnectFailures { get; set; }

    internal long ReadPauses { get; set; }

    internal long AcceptPauses { get; set; }

    internal long IdleTimeouts { get; set; }

    /// <summary>Connections that the loop has given to loops with less to do.</summary>
    internal long Migrations { get; set; }

    /// <summary>Any thread that sends.</summary>
    internal void AddSent(int count) => Interlocked.Add(ref _bytesSent.Value, count);

    internal void AddConnection() => Interlocked.Increment(ref _connections);

    internal void RemoveConnection() => Interlocked.Decrement(ref _connections);
}
