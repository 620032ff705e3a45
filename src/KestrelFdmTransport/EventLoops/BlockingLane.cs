using System;
using System.Collections.Generic;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Threads of our own for callbacks that are known to block, so that they neither hold a loop nor starve the thread pool, which
/// adds threads only slowly. There is a thread for every callback up to a limit; the pool takes what is beyond it.
/// </summary>
#pragma warning disable CA1001 // Its threads use the semaphore for as long as they live; it holds no handle.
internal sealed class BlockingLane
#pragma warning restore CA1001
{
    private const string Name = "fdm-blocking";

    private static readonly TimeSpan s_lifetimeIdle = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Queue<IThreadPoolWorkItem> _queue = new();
    private readonly SemaphoreSlim _work = new(0);
    private readonly int _limit;
    private int _threads;
    private int _idle;

    internal BlockingLane(int limit) => _limit = limit;

    internal int Threads => Volatile.Read(ref _threads);

    internal int Queued
    {
        get
        {
            lock (_lock)
            {
                return _queue.Count;
            }
        }
    }

    /// <summary>
    /// False if all threads are busy and there may be no more: then the item must not wait here, because what the threads wait for
    /// may be what it does.
    /// </summary>
    internal bool TryQueue(IThreadPoolWorkItem item)
    {
        lock (_lock)
        {
            if (_idle > _queue.Count)
            {
                _queue.Enqueue(item);
                _work.Release();
                return true;
            }

            if (_threads >= _limit)
            {
                return false;
            }

            _threads++;
        }

        return TryStart(item);
    }

    private bool TryStart(IThreadPoolWorkItem first)
    {
        try
        {
            OwnThread.Start(Name, static state => ((Start)state!).Lane.Run(((Start)state).First), new Start(this, first));
            return true;
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ThreadStateException)
        {
            // No room for one more.
            lock (_lock)
            {
                _threads--;
            }

            return false;
        }
    }

    private void Run(IThreadPoolWorkItem first)
    {
        CallbackScope.AdoptThread(servesLoops: false);
        first.Execute();
        do
        {
            while (TryExecuteNext())
            {
            }
        }
        while (WaitForWork());

        CallbackScope.Retire();
    }

    private bool TryExecuteNext()
    {
        IThreadPoolWorkItem? item;
        lock (_lock)
        {
            if (!_queue.TryDequeue(out item))
            {
                return false;
            }
        }

        item.Execute();
        return true;
    }

    /// <summary>False when this thread should end: nothing has come for a while.</summary>
    private bool WaitForWork()
    {
        lock (_lock)
        {
            if (_queue.Count > 0)
            {
                return true;
            }

            _idle++;
        }

        bool woken = _work.Wait(s_lifetimeIdle);
        lock (_lock)
        {
            _idle--;
            if (woken || _queue.Count > 0)
            {
                return true;
            }

            _threads--;
            return false;
        }
    }

    private sealed record Start(BlockingLane Lane, IThreadPoolWorkItem First);
}
