using System;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Flushes that leave together.</summary>
/// <remarks>
/// What follows the system calls is user code, a pool's or a log's, which may take for ever. That must cost its own connection only. So
/// the batch is queued as a work item before it begins, and whoever comes, this thread or the pool's, takes what nobody has taken yet.
/// </remarks>
internal sealed class FlushBatch(FlushCoalescer owner) : IThreadPoolWorkItem
{
    internal const int Capacity = 8;

    private Sources _sources;
    private Results _results;
    private int _nextIndex;
    private int _activeWorkers;

    internal int Count { get; private set; }

    /// <summary>False if there is no room. Whoever flushes several times has one place.</summary>
    internal bool TryAdd(IoSource source)
    {
        foreach (ref readonly IoSource? other in ((ReadOnlySpan<IoSource?>)_sources)[..Count])
        {
            if (other == source)
            {
                return true;
            }
        }

        if (Count == Capacity)
        {
            return false;
        }

        _sources[Count++] = source;
        return true;
    }

    internal void Send()
    {
        Transmit();
        _activeWorkers = Count > 1 ? 2 : 1;
        if (Count > 1)
        {
            // On this thread's own queue it is next, unless this thread is held up: then another one takes it from there.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        }

        Finish();
    }

    /// <summary>As <see cref="Send"/>, with no user code on the calling thread.</summary>
    internal void SendFromMonitor()
    {
        Transmit();
        _activeWorkers = 1;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Somebody else may be held up, and so may we be: before each one another helper is sent for.</summary>
    void IThreadPoolWorkItem.Execute() => Finish(sendsForHelp: true);

    /// <summary>All system calls first: no user code keeps a flush from leaving.</summary>
    private void Transmit()
    {
        for (int i = 0; i < Count; i++)
        {
            _results[i] = _sources[i]!.Transmit();
        }
    }

    private void Finish(bool sendsForHelp = false)
    {
        for (int i = Interlocked.Increment(ref _nextIndex); i <= Count; i = Interlocked.Increment(ref _nextIndex))
        {
            if (sendsForHelp && i < Count)
            {
                Interlocked.Increment(ref _activeWorkers);
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }

            LoopThread.FinishSend(_sources[i - 1]!, _results[i - 1]);
        }

        if (Interlocked.Decrement(ref _activeWorkers) == 0)
        {
            _sources = default;
            _results = default;
            _nextIndex = 0;
            Count = 0;
            owner.Return(this);
        }
    }

    [InlineArray(Capacity)]
    private struct Sources
    {
        private IoSource? _first;
    }

    [InlineArray(Capacity)]
    private struct Results
    {
        private object? _first;
    }
}
