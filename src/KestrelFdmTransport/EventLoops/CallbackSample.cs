namespace KestrelFdmTransport.EventLoops;

/// <summary>What the monitor remembers of a scope from one sample to the next.</summary>
internal sealed class CallbackSample
{
    /// <summary>The word it saw last.</summary>
    internal long Word { get; set; } = -1;

    /// <summary>How many samples in a row, all taken on time, saw that word.</summary>
    internal int Times { get; set; }

    /// <summary>The number of looks from which on the thread's state is asked for.</summary>
    internal int NextLook { get; set; }

    /// <summary>The callback that the monitor has sent for.</summary>
    internal long SentWord { get; set; } = -1;

    /// <summary>The callback whose loop it has had taken over.</summary>
    internal long HandedOverWord { get; set; } = -1;

    /// <summary>The time of the first sample of this callback.</summary>
    internal long FirstSeen { get; set; }

    /// <summary>The thread's CPU time at that sample, in nanoseconds.</summary>
    internal long CpuTime { get; set; }
}
