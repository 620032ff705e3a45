using System;
using System.Threading;
using System.Threading.Tasks.Sources;

namespace KestrelFdmTransport.Connections;

/// <summary>The one continuation that may wait at an end of a pipe.</summary>
/// <remarks>
/// Set by compare-and-swap and taken by compare-and-swap, each a full fence. Whoever registers looks at the condition again
/// afterwards; whoever makes the condition true looks for a waiter afterwards; so one of the two sees the other.
/// </remarks>
internal struct PipeContinuationSlot
{
    private Action<object?>? _continuation;
    private object? _state;
    private ExecutionContext? _context;
    private Action<object?>? _scheduled;

    internal bool IsSet => Volatile.Read(ref _continuation) is not null;

    /// <summary>False if somebody waits already.</summary>
    internal bool TrySet(Action<object?> continuation, object? state, ValueTaskSourceOnCompletedFlags flags)
    {
        if (Volatile.Read(ref _continuation) is not null || _scheduled is not null)
        {
            return false;
        }

        _state = state;
        _context = (flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != ValueTaskSourceOnCompletedFlags.None ? ExecutionContext.Capture() : null;
        return Interlocked.CompareExchange(ref _continuation, continuation, null) is null;
    }

    /// <summary>Puts a waiter back that was taken too early. Nobody else can have registered: its wait is not over.</summary>
    internal void Restore(in PipeContinuation taken)
    {
        _state = taken.State;
        _context = taken.Context;
        Interlocked.Exchange(ref _continuation, taken.Callback);
    }

    /// <summary>Keeps a waiter that was taken, and is to run on another thread, until <see cref="TakeScheduled"/>.</summary>
    internal void Schedule(in PipeContinuation taken)
    {
        // There is at most one: nobody waits again before this one has run.
        _state = taken.State;
        _context = taken.Context;
        _scheduled = taken.Callback;
    }

    internal PipeContinuation TakeScheduled()
    {
        var taken = new PipeContinuation(_scheduled!, _state, _context);
        _state = null;
        _context = null;
        _scheduled = null;
        return taken;
    }

    /// <summary>Takes the waiter; only one thread succeeds.</summary>
    internal bool TryTake(out PipeContinuation taken)
    {
        Action<object?>? continuation = Volatile.Read(ref _continuation);
        if (continuation is null || Interlocked.CompareExchange(ref _continuation, null, continuation) != continuation)
        {
            taken = default;
            return false;
        }

        // Nobody registers again before this one has run, so the fields are ours.
        taken = new PipeContinuation(continuation, _state, _context);
        _state = null;
        _context = null;
        return true;
    }
}
