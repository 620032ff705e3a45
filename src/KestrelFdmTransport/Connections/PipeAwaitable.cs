using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks.Sources;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What the application waits with at an end of a pipe: its one continuation, a cancellation that was asked for, and
/// the yield of an operation that could complete at once (<see cref="CooperativeBudget"/>).
/// </summary>
/// <remarks>
/// A thread that registers a continuation publishes it by compare-and-swap and then looks at the condition again. A
/// thread that makes the condition true looks for a continuation afterwards. Each has a full fence in between, so at
/// least one of the two sees the other. The continuation is taken by compare-and-swap, so it runs once.
/// </remarks>
internal struct PipeAwaitable
{
    /// <summary>
    /// Code may look at the state a few times before it awaits. Code that looks again and again gets its result too.
    /// </summary>
    private const byte MaxLooks = 8;

    /// <summary>There is no continuation.</summary>
    private const byte Empty = 0;

    /// <summary>The continuation waits for the condition.</summary>
    private const byte Waiting = 1;

    /// <summary>A thread is about to run the continuation, or to put it back.</summary>
    private const byte Taken = 2;

    // Written before the phase says that they are there, and cleared before it says that they are gone.
    private Action<object?>? _continuation;
    private object? _state;
    private ExecutionContext? _context;

    private int _cancelled;
    private byte _phase;
    private byte _looks;

    /// <summary>True while a continuation waits for the condition.</summary>
    internal bool IsWaiting => Volatile.Read(ref _phase) == Waiting;

    internal bool IsCancelled => Volatile.Read(ref _cancelled) != 0;

    /// <summary>A part of the condition: the operation that waits, or the next one, is cancelled.</summary>
    internal void Cancel() => Interlocked.Exchange(ref _cancelled, 1);

    /// <summary>True for the operation that is cancelled; the next one is not.</summary>
    internal bool TakeCancellation() => IsCancelled && Interlocked.Exchange(ref _cancelled, 0) != 0;

    /// <summary>
    /// The operation, which could complete at once, lets others run first. It is pending until its continuation is
    /// registered, which then finds it complete and goes to the thread pool.
    /// </summary>
    internal void BeginYield() => _looks = MaxLooks;

    internal ValueTaskSourceStatus GetStatus(bool isReady, bool isFaulted)
        => !isReady || (_looks != 0 && --_looks != 0) ? ValueTaskSourceStatus.Pending
            : isFaulted ? ValueTaskSourceStatus.Faulted
            : ValueTaskSourceStatus.Succeeded;

    /// <summary>Has the continuation run when the end is ready, which it may be already.</summary>
    internal void OnCompleted(
        IPipeEnd end,
        PipeHost host,
        Action<object?> continuation,
        object? state,
        ValueTaskSourceOnCompletedFlags flags)
    {
        _looks = 0;
        if (!TryRegister(continuation, state, flags))
        {
            end.Fail(PipeErrors.ConcurrentOperations());
            ThreadPool.UnsafeQueueUserWorkItem(continuation, state, preferLocal: false);
        }
        else if (end.IsReady)
        {
            Complete(end, host, host.Decide(Origin.Foreign));
        }
    }

    /// <summary>Has the continuation run if its wait is over.</summary>
    internal void Complete(IPipeEnd end, PipeHost host, Placement placement)
    {
        if (!TryTake(end))
        {
            return;
        }

        if (placement == Placement.Inline)
        {
            host.Loop.Counters.Inline++;
            Run(host);
            return;
        }

        LoopCounters counters = host.Loop.Counters;
        if (host.Loop.Scheduler.Queue(host.Settings.Endpoint, end, placement))
        {
            counters.Blocking++;
        }
        else
        {
            counters.Pooled++;
        }
    }

    /// <summary>Runs the continuation that was dispatched.</summary>
    internal void Execute(PipeHost host)
    {
        host.Loop.Scheduler.OnStarted(host.Settings.Endpoint);
        Run(host);
    }

    /// <summary>False if there is a continuation that has not run yet. A full fence.</summary>
    internal bool TryRegister(Action<object?> continuation, object? state, ValueTaskSourceOnCompletedFlags flags)
    {
        if (Volatile.Read(ref _phase) != Empty)
        {
            return false;
        }

        _continuation = continuation;
        _state = state;
        _context =
            flags.HasFlag(ValueTaskSourceOnCompletedFlags.FlowExecutionContext) ? ExecutionContext.Capture() : null;
        return Interlocked.CompareExchange(ref _phase, Waiting, Empty) == Empty;
    }

    /// <summary>True for the one thread that is to run the continuation, whose wait is over.</summary>
    /// <remarks>
    /// Before it takes the continuation, another thread may have completed that wait, and this may be the continuation
    /// of the next one. It goes back, and the condition is looked at once more. Its wait is not over, so there is no
    /// other.
    /// </remarks>
    internal bool TryTake(IPipeEnd end)
    {
        while (IsWaiting && Interlocked.CompareExchange(ref _phase, Taken, Waiting) == Waiting)
        {
            if (end.IsReady)
            {
                return true;
            }

            Interlocked.Exchange(ref _phase, Waiting);
            if (!end.IsReady)
            {
                break;
            }
        }

        return false;
    }

    /// <summary>Empties the place for the next continuation.</summary>
    internal (Action<object?> Continuation, object? State, ExecutionContext? Context) Remove()
    {
        Debug.Assert(_phase == Taken, "The thread that has taken the continuation removes it.");
        (Action<object?>, object?, ExecutionContext?) removed = (_continuation!, _state, _context);
        _continuation = null;
        _state = null;
        _context = null;
        Volatile.Write(ref _phase, Empty);
        return removed;
    }

    private void Run(PipeHost host)
    {
        (Action<object?> continuation, object? state, ExecutionContext? context) = Remove();
        LoopThread.Run(host, continuation, state, context);
    }
}
