namespace KestrelFdmTransport.Scheduling;

/// <summary>What the monitor remembers of a scope from one sample to the next.</summary>
internal sealed class ScopeSample
{
    /// <summary>The word it saw last.</summary>
    internal long Word { get; set; } = -1;

    /// <summary>How many samples in a row saw that word.</summary>
    internal int ConsecutiveSightings { get; set; }

    /// <summary>The number of looks from which on the thread's state is asked for.</summary>
    internal int NextStateCheck { get; set; }

    /// <summary>The callback that the monitor has sent for.</summary>
    internal long FlushedWord { get; set; } = -1;

    /// <summary>The callback whose loop it has had taken over.</summary>
    internal long HandoffWord { get; set; } = -1;

    /// <summary>How long the callback has held its loop, as far as that counts.</summary>
    internal long Held { get; set; }

    /// <summary>How much of that was before the first sample.</summary>
    internal long HeldBefore { get; set; }

    /// <summary>The thread's CPU time at the first sample, in nanoseconds.</summary>
    internal long FirstUsed { get; set; }

    /// <summary>The thread's CPU time at the last sample, in nanoseconds.</summary>
    internal long Used { get; set; }

    /// <summary>At how many samples in a row the CPU time had not changed.</summary>
    internal int Still { get; set; }
}
