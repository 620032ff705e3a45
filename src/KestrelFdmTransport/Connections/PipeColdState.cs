using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Connections;

/// <summary>What most ends of a pipe never need, made when one does: an idle connection is the smaller for it.</summary>
internal class PipeColdState
{
    /// <summary>What is called when the transport's end is completed.</summary>
    internal CompletionCallbacks? Callbacks => Volatile.Read(ref _callbacks);

    internal PipeColdState() => FaultPoints.Hit(FaultPoint.PipeColdStateMade);

    private CompletionCallbacks? _callbacks;

    /// <summary>The token of the running wait.</summary>
    internal WaitCancellation? Cancellation { get; set; }

    /// <summary>What the transport has ended the pipe with. Written before the end is published.</summary>
    internal ExceptionDispatchInfo? EndError { get; set; }

    /// <summary>What the application has completed its end with. Written before that is published.</summary>
    internal ExceptionDispatchInfo? CompletionError { get; set; }

    /// <summary>Any thread: of several that come first, all get the same.</summary>
    internal CompletionCallbacks AddCallback(Action<Exception?, object?> callback, object? state)
    {
        CompletionCallbacks callbacks = Callbacks ?? Interlocked.CompareExchange(ref _callbacks, new CompletionCallbacks(), null) ?? _callbacks;
        callbacks.Add(callback, state);
        return callbacks;
    }
}
