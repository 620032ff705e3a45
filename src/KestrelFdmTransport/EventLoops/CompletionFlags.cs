using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What has happened to a source, and has to be delivered.</summary>
[Flags]
internal enum CompletionFlags
{
    None = 0,

    /// <summary>
    /// The source cannot be served before <see cref="IoSource.RunCallbacks"/> has fetched memory for it.
    /// </summary>
    NeedsBuffer = 1 << 0,

    /// <summary>Serving the source threw <see cref="Completion.Error"/>.</summary>
    Faulted = 1 << 1,

    /// <summary>The loop is ending.</summary>
    LoopStopping = 1 << 2,

    /// <summary>Bytes have come: a waiting read may have what it asked for.</summary>
    Received = 1 << 3,

    /// <summary>Receiving, or accepting, has stopped for a while.</summary>
    Paused = 1 << 4,

    /// <summary>Receiving goes on.</summary>
    Resumed = 1 << 5,

    /// <summary>The peer's FIN.</summary>
    Fin = 1 << 6,

    /// <summary>The peer's reset; for an acceptor, that of a client that was not accepted yet.</summary>
    Reset = 1 << 7,

    /// <summary>Another error of the socket, or what the application has completed its reader with.</summary>
    Error = 1 << 8,

    /// <summary>The input is over; for an acceptor, the application has ended the listen socket.</summary>
    InputEnded = 1 << 9,

    /// <summary>The gate was left after sending; <see cref="Completion.Sent"/> has the blocks to give back.</summary>
    Drained = 1 << 10,

    /// <summary>The epoll has no room for the connection.</summary>
    Refused = 1 << 11,

    /// <summary>The descriptor is closed.</summary>
    Closed = 1 << 12,

    /// <summary>No byte has moved for <see cref="Completion.Duration"/>.</summary>
    TimedOut = 1 << 13,

    /// <summary>The continuation that waits for what was received is to run on the loop.</summary>
    RunsInline = 1 << 14,
}
