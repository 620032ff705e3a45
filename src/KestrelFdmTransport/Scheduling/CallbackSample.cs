namespace KestrelFdmTransport.Scheduling;

/// <summary>The monitor's state of a thread between two samples.</summary>
internal sealed class CallbackSample
{
    /// <summary>The ownership word of the last sample.</summary>
    internal long Word { get; set; } = -1;

    /// <summary>How many samples in a row have seen that word.</summary>
    internal int ConsecutiveSightings { get; set; }

    /// <summary>The sighting from which on the thread's kernel state is read.</summary>
    internal int NextStateCheck { get; set; }

    /// <summary>The callback whose flush the monitor has sent.</summary>
    internal long FlushedWord { get; set; } = -1;

    /// <summary>The callback whose loop the monitor has had taken over.</summary>
    internal long HandoffWord { get; set; } = -1;

    /// <summary>How long the callback has held its loop, in time that counts.</summary>
    internal long Held { get; set; }

    /// <summary>The part of it before the first sample.</summary>
    internal long HeldBefore { get; set; }

    /// <summary>The thread's CPU time at the first sample, in nanoseconds.</summary>
    internal long FirstUsed { get; set; }

    /// <summary>The thread's CPU time at the last sample, in nanoseconds.</summary>
    internal long Used { get; set; }

    /// <summary>How many samples in a row have seen the same CPU time.</summary>
    internal int Still { get; set; }
}
