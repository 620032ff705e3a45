namespace KestrelFdmTransport.Polling;

/// <summary>The ready queue that a connection's live counter puts it in.</summary>
internal enum PollingSet : byte
{
    /// <summary>Events came often lately: served first, all of them every turn.</summary>
    Hot,

    /// <summary>Seen a moment ago.</summary>
    Warm,

    /// <summary>The rest.</summary>
    Cold,
}
