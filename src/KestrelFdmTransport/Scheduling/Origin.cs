namespace KestrelFdmTransport.Scheduling;

/// <summary>The kind of thread that completes a wait, which decides where its continuation may run.</summary>
internal enum Origin
{
    /// <summary>The loop, at the top of its stack: inline, if the scheduling allows.</summary>
    Loop,

    /// <summary>An application's call or another thread, perhaps under a lock: never on the calling thread.</summary>
    Foreign,
}
