namespace KestrelFdmTransport.EventLoops;

/// <summary>What a loop that waits has to wake up for, besides events. Owner only.</summary>
internal interface IWaitingLoop
{
    /// <summary>True if the loop has something to do that no event announces.</summary>
    bool MustWake { get; }

    /// <summary>The time until the next timer in milliseconds, -1 if there is none.</summary>
    int MillisecondsUntilTimer(long now);
}
