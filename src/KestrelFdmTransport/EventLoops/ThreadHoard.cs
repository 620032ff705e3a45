namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// What a loop's thread keeps at hand for the rest of a turn instead of giving it back. It belongs to the thread and not to the
/// loop: a callback that has lost its loop goes on using its own.
/// </summary>
internal abstract class ThreadHoard(object key)
{
    /// <summary>Whose things these are.</summary>
    internal object Key { get; } = key;

    /// <summary>False since the last release; an unused hoard is forgotten.</summary>
    internal bool Used { get; set; }

    /// <summary>Gives everything back. Foreign code runs here.</summary>
    internal abstract void Release();
}
