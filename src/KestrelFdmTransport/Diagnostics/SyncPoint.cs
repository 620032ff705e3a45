namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// The moments that the guards against races are for: between what a thread has seen and what it publishes next.
/// </summary>
internal enum SyncPoint
{
    /// <summary>A loop has seen no command and is about to say that it sleeps.</summary>
    LoopSleeps,

    /// <summary>A standby has taken a loop and has not begun an iteration yet.</summary>
    LoopTaken,

    /// <summary>A loop has read its command and is about to say that it has ended.</summary>
    LoopEnds,

    /// <summary>The monitor has seen nothing to watch and is about to say that it parks.</summary>
    MonitorParks,

    /// <summary>A connection has left a loop and has not been given to the other one yet.</summary>
    ConnectionMigrates,

    /// <summary>A read has what there is and is about to see whether that is as much as it wants.</summary>
    ReadCounts,

    /// <summary>A read has seen no bytes and is about to register its waiter.</summary>
    ReadWaits,

    /// <summary>The loop has seen too many unread bytes and is about to say that it pauses.</summary>
    ReceivePauses,

    /// <summary>A flush has seen too many unsent bytes and is about to say that it waits.</summary>
    FlushPauses,

    /// <summary>A flush is about to register its waiter.</summary>
    FlushWaits,

    /// <summary>A sender is inside the gate and about to make its system call.</summary>
    SenderSends,

    /// <summary>A sender has found the socket full and is about to say that it waits.</summary>
    SenderWaits,

    /// <summary>A sender has sent what there was and is about to leave the gate.</summary>
    SenderLeaves,

    /// <summary>A thread of the pool has come for a burst of flushes and is about to look at them.</summary>
    BurstSends,

    /// <summary>The monitor has slept and is about to look at the time.</summary>
    MonitorLooks,
}
