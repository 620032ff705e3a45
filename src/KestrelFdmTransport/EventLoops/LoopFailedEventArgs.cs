using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>A loop has ended that should not have.</summary>
internal sealed class LoopFailedEventArgs : EventArgs
{
    internal LoopFailedEventArgs(EventLoop loop, Exception exception, EventLoop? replacement)
    {
        Loop = loop;
        Exception = exception;
        Replacement = replacement;
    }

    internal EventLoop Loop { get; }

    internal Exception Exception { get; }

    /// <summary>The loop that runs in its place; null if it has been given up.</summary>
    internal EventLoop? Replacement { get; }
}
