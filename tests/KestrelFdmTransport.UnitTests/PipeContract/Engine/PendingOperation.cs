using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A read or flush that was pending when it was returned. Its result is either collected later, or taken by an attached
/// continuation the moment it comes.
/// </summary>
[SuppressMessage(
    "Reliability", "CA2012", Justification = "Looking at a value task before it is complete is what is tested.")]
internal sealed class PendingOperation<T>(ValueTask<T> task)
{
    private readonly ValueTask<T> _task = task;
    private T? _value;
    private Exception? _error;
    private int _runs;
    private volatile bool _finished;

    public bool IsAttached { get; private set; }

    public bool IsComplete => IsAttached ? _finished : _task.IsCompleted;

    /// <summary>How often the continuation has run.</summary>
    public int Runs => Volatile.Read(ref _runs);

    public void Attach()
    {
        IsAttached = true;
        ValueTaskAwaiter<T> awaiter = _task.GetAwaiter();
        awaiter.UnsafeOnCompleted(Continue);
    }

    public bool Wait(TimeSpan patience) => SpinWait.SpinUntil(() => IsComplete, patience);

    /// <summary>The result, or the exception that awaiting gives. Once, and only when complete.</summary>
    public (T? Value, Exception? Error) Take()
    {
        if (!IsAttached)
        {
            TakeResult();
        }

        return (_value, _error);
    }

    private void Continue()
    {
        if (Interlocked.Increment(ref _runs) == 1)
        {
            TakeResult();
            _finished = true;
        }
    }

    private void TakeResult()
    {
        try
        {
            _value = _task.GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            _error = error;
        }
    }
}
