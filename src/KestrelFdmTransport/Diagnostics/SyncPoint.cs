namespace KestrelFdmTransport.Diagnostics;

/// <summary>The windows of possible races: between what a thread has observed and what it publishes next.</summary>
internal enum SyncPoint
{
    /// <summary>A loop has found no command and is about to publish that it sleeps.</summary>
    LoopSleeps,

    /// <summary>A standby thread has taken a loop over and has not continued yet.</summary>
    LoopTaken,

    /// <summary>A loop has run its commands and is about to publish that it has ended.</summary>
    LoopEnds,

    /// <summary>The monitor has found no callback to watch and is about to publish that it parks.</summary>
    MonitorParks,

    /// <summary>A migrating connection has left its loop and has not reached the other one yet.</summary>
    ConnectionMigrates,

    /// <summary>A read has counted the available bytes and is about to compare them with its minimum.</summary>
    ReadCounts,

    /// <summary>A read has found no bytes and is about to register its waiter.</summary>
    ReadWaits,

    /// <summary>The loop has counted too many unread bytes and is about to publish that it pauses.</summary>
    ReceivePauses,

    /// <summary>A flush has found that the output goes on, and is about to fill the outbox.</summary>
    FlushCommits,

    /// <summary>A flush has counted too many unsent bytes and is about to publish that it waits.</summary>
    FlushPauses,

    /// <summary>A flush is about to register its waiter.</summary>
    FlushWaits,

    /// <summary>A sender is inside the gate and about to make its system call.</summary>
    SenderSends,

    /// <summary>A sender has found the socket full and is about to publish that it waits.</summary>
    SenderWaits,

    /// <summary>A sender has sent everything and is about to leave the gate.</summary>
    SenderLeaves,

    /// <summary>A pool thread has started the work item of a flush burst and is about to check it.</summary>
    BurstSends,

    /// <summary>The monitor has slept and is about to read the clock.</summary>
    MonitorLooks,
}
