using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>A loop has ended that should not have.</summary>
internal sealed class LoopFailedEventArgs : EventArgs
{
    internal LoopFailedEventArgs(EventLoop loop, Exception exception)
    {
        Loop = loop;
        Exception = exception;
    }

    internal EventLoop Loop { get; }

    internal Exception Exception { get; }
}
