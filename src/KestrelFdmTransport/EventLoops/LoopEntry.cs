namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The places of a source in the tables and queues of its loop, which need to know nothing else of it.
/// </summary>
/// <remarks>Belongs to the loop's owner, except for the link of the command queue.</remarks>
/// <typeparam name="TSelf">The source.</typeparam>
internal abstract class LoopEntry<TSelf>
    where TSelf : LoopEntry<TSelf>
{
    /// <summary>Slot and generation; zero until registered.</summary>
    internal ulong Token { get; set; }

    /// <summary>Event bits of which the source does not know yet.</summary>
    internal uint PendingEvents { get; set; }

    /// <summary>True if there was no memory for its place in a ready queue.</summary>
    internal bool IsUnqueued { get; set; }

    /// <summary>Place in the timer queue; 0 is none.</summary>
    internal int TimerIndex { get; set; }

    /// <summary>The next one in the command queue. Belongs to the thread that set the first command bit.</summary>
    internal TSelf? NextQueued { get; set; }
}
