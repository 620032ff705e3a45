using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Threads of our own for callbacks that are known to block. They neither hold a loop nor starve the thread pool, which
/// adds threads only slowly. There is a thread for every callback up to a limit; the thread pool runs what is beyond
/// it.
/// </summary>
#pragma warning disable CA1001 // Its threads use the semaphore for as long as they live; it holds no handle.
internal sealed class BlockingThreadPool
#pragma warning restore CA1001
{
    private const string Name = "fdm-blocking";

    private static readonly TimeSpan s_lifetimeIdle = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Queue<IThreadPoolWorkItem> _queue = new();
    private readonly SemaphoreSlim _pending = new(0);
    private readonly int _limit;
    private readonly ThreadHeadroom _headroom;
    private readonly ILogger _logger;
    private int _threads;
    private int _idle;
    private bool _stopped;

    internal BlockingThreadPool(int limit, ThreadHeadroom headroom, ILogger logger)
    {
        _limit = limit;
        _headroom = headroom;
        _logger = logger;
    }

    internal int Threads => Volatile.Read(ref _threads);

    /// <summary>
    /// False if all threads are busy and no more may be started. The item must not wait here, because the busy threads
    /// may be waiting for its result.
    /// </summary>
    internal bool TryQueue(IThreadPoolWorkItem item)
    {
        using (_lock.Hold())
        {
            if (_idle > _queue.Count)
            {
                _queue.Enqueue(item);
                _pending.GivePermits();
                return true;
            }

            if (_stopped || _threads >= _limit)
            {
                return false;
            }

            _threads++;
        }

        return TryStart(item);
    }

    /// <summary>The loops have started: threads may be created.</summary>
    internal void Restart()
    {
        using (_lock.Hold())
        {
            _stopped = false;
        }
    }

    /// <summary>The loops have stopped: idle threads end, and busy ones when they become idle.</summary>
    internal void Stop()
    {
        int idle;
        using (_lock.Hold())
        {
            _stopped = true;
            idle = _idle;
        }

        if (idle > 0)
        {
            _pending.GivePermits(idle);
        }
    }

    private bool TryStart(IThreadPoolWorkItem first)
    {
        if (TransportThread.TryStart(_headroom, _logger, Name, () => Run(first)))
        {
            return true;
        }

        using (_lock.Hold())
        {
            _threads--;
        }

        return false;
    }

    private void Run(IThreadPoolWorkItem first)
    {
        LoopThread.Attach(servesLoops: false);
        first.Execute();
        do
        {
            while (TryExecuteNext())
            {
            }
        }
        while (WaitForWork());

        LoopThread.Detach();
    }

    private bool TryExecuteNext()
    {
        IThreadPoolWorkItem? item;
        using (_lock.Hold())
        {
            if (!_queue.TryDequeue(out item))
            {
                return false;
            }
        }

        item.Execute();
        return true;
    }

    /// <summary>False when this thread should end, after a time without work.</summary>
    private bool WaitForWork()
    {
        // Outside the lock, which loops need too: this may read files.
        bool isShort = _headroom.IsShort;
        using (_lock.Hold())
        {
            if (_queue.Count > 0)
            {
                return true;
            }

            if (_stopped || isShort)
            {
                _threads--;
                return false;
            }

            _idle++;
        }

        bool woken = _pending.WaitForPermit(s_lifetimeIdle);
        using (_lock.Hold())
        {
            _idle--;
            if ((woken && !_stopped) || _queue.Count > 0)
            {
                return true;
            }

            _threads--;
            return false;
        }
    }
}
