namespace KestrelFdmTransport.Scheduling;

/// <summary>Who makes a waiter's condition true, and so where its continuation may run.</summary>
internal enum Origin
{
    /// <summary>The loop at the top of its stack: inline, if the scheduling allows.</summary>
    Loop,

    /// <summary>An application's call or a foreign thread, perhaps under a lock: always the pool.</summary>
    Foreign,
}
