namespace KestrelFdmTransport.Buffers;

/// <summary>
/// What a loop's thread keeps at hand instead of giving it back: much during a turn, a little between turns, and
/// nothing once a connection closes, because whoever waits for that may count. It belongs to the thread and not to the
/// loop: a callback that has lost its loop goes on using its own.
/// </summary>
internal abstract class ThreadCache(object key)
{
    /// <summary>Whose things these are.</summary>
    internal object Key { get; } = key;

    /// <summary>False since the last release; an unused cache is forgotten.</summary>
    internal bool IsUsed { get; set; }

    /// <summary>The loop is about to sleep. True if there is more than what is worth keeping meanwhile.</summary>
    internal abstract bool HasSurplus();

    /// <summary>Gives back what is not worth keeping while the loop sleeps. User code runs here.</summary>
    internal abstract void Trim();

    /// <summary>Gives everything back. User code runs here.</summary>
    internal abstract void Clear();
}
