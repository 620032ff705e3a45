namespace KestrelFdmTransport.Balancing;

/// <summary>An event loop as the balancer sees it. Any thread may read.</summary>
internal interface IBalancedLoop
{
    int Index { get; }

    int ConnectionCount { get; }

    long Accepts { get; }

    bool HasFailed { get; }

    bool IsOwnedByCurrentThread { get; }

    LoopUtilization Utilization { get; }
}
