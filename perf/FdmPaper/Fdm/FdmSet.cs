namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>The three sets of the paper.</summary>
internal enum FdmSet
{
    /// <summary>Polled at every call.</summary>
    Active,

    /// <summary>Polled at every N-th call.</summary>
    Doze,

    /// <summary>Polled at every N²-th call.</summary>
    Idle,
}
