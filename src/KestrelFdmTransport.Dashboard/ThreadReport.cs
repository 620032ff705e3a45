namespace KestrelFdmTransport.Dashboard;

/// <summary>What the page shows of the threads besides the loops.</summary>
internal sealed class ThreadReport
{
    public long Handoffs { get; init; }

    public int Standby { get; init; }

    public int Stalled { get; init; }

    public bool IsLimitReached { get; init; }

    public int Blocking { get; init; }

    internal static ThreadReport Create(ThreadStatistics threads) => new()
    {
        Handoffs = threads.Handoffs,
        Standby = threads.StandbyThreads,
        Stalled = threads.StalledThreads,
        IsLimitReached = threads.IsStandbyLimitReached,
        Blocking = threads.BlockingThreads,
    };
}
