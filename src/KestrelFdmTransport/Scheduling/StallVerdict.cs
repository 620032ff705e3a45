namespace KestrelFdmTransport.Scheduling;

/// <summary>The monitor's verdict on a callback that has exceeded the stall threshold.</summary>
internal enum StallVerdict
{
    /// <summary>Its thread is held up by others, such as a collection: nothing happens yet.</summary>
    Innocent,

    /// <summary>It computes. The loop is taken over, and the connection's next callbacks run on the pool.</summary>
    Computing,

    /// <summary>
    /// It blocks. The loop is taken over, and the connection's next callbacks run on the blocking pool.
    /// </summary>
    Blocked,

    /// <summary>
    /// It makes no progress for an unknown reason. The loop is taken over, and the connection's next callbacks run on
    /// the pool, where they are measured.
    /// </summary>
    Unclear,
}
