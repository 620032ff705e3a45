namespace KestrelFdmTransport.Scheduling;

/// <summary>Where a continuation runs.</summary>
internal enum Placement
{
    /// <summary>On the loop's thread, at once.</summary>
    Inline,

    /// <summary>On the thread pool.</summary>
    Pool,

    /// <summary>On the blocking pool: threads of our own, which may wait for as long as they like.</summary>
    BlockingPool,
}
