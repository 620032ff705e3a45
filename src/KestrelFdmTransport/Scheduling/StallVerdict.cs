namespace KestrelFdmTransport.Scheduling;

/// <summary>What the monitor thinks of a callback that has held its loop for longer than it may.</summary>
internal enum StallVerdict
{
    /// <summary>Its thread stands still for a reason that is not the callback's: nothing happens yet.</summary>
    Innocent,

    /// <summary>
    /// It uses a CPU. The loop is taken from it, and the connection's next callbacks run on the pool.
    /// </summary>
    Computing,

    /// <summary>
    /// It waits for something. The loop is taken from it, and the connection's next callbacks run on threads that may
    /// wait.
    /// </summary>
    Blocked,

    /// <summary>
    /// It does not get on, and nothing says why. The loop is taken from it, and the connection's next callbacks run on
    /// the pool, which finds out.
    /// </summary>
    Unclear,
}
