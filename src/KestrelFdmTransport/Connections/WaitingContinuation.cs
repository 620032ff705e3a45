using System;
using System.Threading;
using System.Threading.Tasks.Sources;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>The continuation that waits at an end of a pipe, and its way to the thread that runs it.</summary>
internal struct WaitingContinuation
{
    private PipeContinuationSlot _waiter;

    internal bool IsSet => _waiter.IsSet;

    /// <summary>False if somebody waits already.</summary>
    internal bool TrySet(Action<object?> continuation, object? state, ValueTaskSourceOnCompletedFlags flags)
        => _waiter.TrySet(continuation, state, flags);

    /// <summary>Has the continuation run if its wait is over.</summary>
    internal void Complete<TEnd>(TEnd end, ConnectionIo io, Placement placement)
        where TEnd : class, IPipeWait
    {
        if (!TryTake(end, out PipeContinuation continuation))
        {
            return;
        }

        if (placement == Placement.Inline)
        {
            io.Run(continuation);
            return;
        }

        io.Loop.OnOffloaded();
        _waiter.Schedule(continuation);
        if (placement == Placement.Pool || !io.Loop.Group.BlockingThreads.TryQueue(end))
        {
            io.CountQueued();
            ThreadPool.UnsafeQueueUserWorkItem(end, preferLocal: false);
        }
    }

    /// <summary>Runs what was scheduled.</summary>
    internal void Execute(ConnectionIo io)
    {
        io.CountBegin();
        io.Run(_waiter.TakeScheduled());
    }

    /// <summary>
    /// Takes the waiter if its wait is over. Between the look at the condition and the taking, another thread may have completed
    /// that wait, and this may be the next one's waiter: it goes back, and the condition is looked at once more.
    /// </summary>
    private bool TryTake<TEnd>(TEnd end, out PipeContinuation continuation)
        where TEnd : class, IPipeWait
    {
        while (_waiter.TryTake(out continuation))
        {
            if (end.IsReady)
            {
                return true;
            }

            _waiter.Restore(continuation);
            if (!end.IsReady)
            {
                break;
            }
        }

        return false;
    }
}
