using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// The threads of a group of loops: loop owners, threads that have lost their loop and are still inside the stalled
/// callback, and standby threads.
/// </summary>
/// <remarks>
/// A thread beyond these is started when it is needed. When <see cref="ThreadLimits.Standbys"/> threads are inside
/// stalled callbacks, no loop runs application code any more, so each loop keeps its thread.
/// </remarks>
internal sealed class StandbyThreads
{
    private const string Name = "fdm-standby";

    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);

    private readonly Lock _lock = new();
    private readonly List<ParkedThread> _parked = [];
    private readonly ThreadLimits _limits;
    private readonly ILogger _logger;
    private readonly HandoffLog _handoffLog;
    private int _stalled;
    private long _handoffs;
    private long _stallTicks;
    private bool _exhausted;
    private bool _stopped;

    internal StandbyThreads(ThreadLimits limits, ILogger logger)
    {
        _limits = limits;
        _logger = logger;
        _handoffLog = new HandoffLog(logger);
    }

    /// <summary>Threads that are inside a callback that lost its loop.</summary>
    internal int Stalled => Volatile.Read(ref _stalled);

    /// <summary>Threads that wait for a loop to take over.</summary>
    internal int Parked
    {
        get
        {
            using (_lock.Hold())
            {
                return _parked.Count;
            }
        }
    }

    internal long Handoffs => Volatile.Read(ref _handoffs);

    /// <summary>How long the callbacks have taken that have lost their loop and ended.</summary>
    internal long StallTicks => Volatile.Read(ref _stallTicks);

    /// <summary>True while too many callbacks are stalled to run application code on loops. Any thread.</summary>
    internal bool IsExhausted => _limits.Standbys == 0 || IsLimitReached;

    /// <summary>True from the last stalled callback that is allowed until half of them have returned.</summary>
    internal bool IsLimitReached => Volatile.Read(ref _exhausted);

    /// <summary>Starts the first owner of a loop.</summary>
    internal void Start(IHandoffTarget loop) => TransportThread.Start(loop.Name, () => Serve(loop));

    /// <summary>
    /// Dispatches a standby thread to take a loop over; false if there is none and none may be started. Monitor only.
    /// </summary>
    internal bool TryDispatch(Handoff handoff)
    {
        ParkedThread? standby = null;
        using (_lock.Hold())
        {
            // One more per loop, for stalls of a loop that runs no application code.
            if (_stopped || _stalled >= _limits.Standbys + _limits.Loops)
            {
                return false;
            }

            // The most recent one, so that the others may reach the end of their lives.
            if (_parked.Count > 0)
            {
                standby = _parked[^1];
                _parked.RemoveAt(_parked.Count - 1);
            }
        }

        if (standby is not null)
        {
            standby.Dispatch(handoff);
            return true;
        }

        // Without a thread the loop waits for its callback, as it would without standby threads.
        return TransportThread.TryStart(_limits.Headroom, _logger, Name, () => Serve(handoff));
    }

    /// <summary>The loops have started: standby threads may be created.</summary>
    internal void Restart()
    {
        using (_lock.Hold())
        {
            _stopped = false;
        }
    }

    /// <summary>The loops have stopped: standby threads end, and so do threads that return from a callback.</summary>
    internal void Stop()
    {
        ParkedThread[] parked;
        using (_lock.Hold())
        {
            _stopped = true;
            parked = [.. _parked];
            _parked.Clear();
        }

        foreach (ParkedThread waiter in parked)
        {
            waiter.Dispatch(null);
        }
    }

    private void Serve(IHandoffTarget loop)
    {
        LoopThread thread = LoopThread.Attach(servesLoops: true);
        thread.AcquireLoop(loop);
        if (loop.Run(thread, handoff: null))
        {
            // The group has stopped, or another thread has taken this one's place.
            LoopThread.Detach();
            return;
        }

        Serve(thread, lost: true);
    }

    private void Serve(Handoff handoff)
    {
        LoopThread thread = LoopThread.Attach(servesLoops: true);
        bool lost = TakeOver(thread, handoff);
        Serve(thread, lost);
    }

    /// <summary>The remaining life of a thread: takes over the loops that it is dispatched for.</summary>
    private void Serve(LoopThread thread, bool lost)
    {
        var waiter = new ParkedThread();
        while (true)
        {
            if (lost)
            {
                OnCallbackReturned(Stopwatch.GetTimestamp() - thread.StartedAt);
            }

            thread.ReleaseLoop(Name);
            thread.ClearBuffers();
            if (!TryPark(waiter) || Wait(waiter) is not { } handoff)
            {
                LoopThread.Detach();
                return;
            }

            lost = TakeOver(thread, handoff);
        }
    }

    /// <summary>True if the loop was lost again; false if it ended or could not be taken.</summary>
    private bool TakeOver(LoopThread thread, Handoff handoff)
    {
        if (!handoff.Owner.TryTake(handoff.Word))
        {
            return false;
        }

        OnTakenOver(handoff);
        thread.AcquireLoop(handoff.Loop);
        return !handoff.Loop.Run(thread, handoff);
    }

    private void OnTakenOver(Handoff handoff)
    {
        bool exhausted = false;
        using (_lock.Hold())
        {
            _stalled++;
            _handoffs++;
            if (_stalled >= _limits.Standbys && !_exhausted && _limits.Standbys > 0)
            {
                Volatile.Write(ref _exhausted, true);
                exhausted = true;
            }
        }

        try
        {
            // The log is user code, and this thread owns a loop by now.
            _handoffLog.Add(handoff);
            if (exhausted)
            {
                ThreadPool.UnsafeQueueUserWorkItem(
                    static standbys => Log.StandbysExhausted(standbys._logger, standbys._limits.Standbys),
                    this,
                    preferLocal: false);
            }
        }
        catch (Exception)
        {
            // The pool cannot queue the log line. The loop is more important.
        }
    }

    private void OnCallbackReturned(long ticks)
    {
        using (_lock.Hold())
        {
            _stalled--;
            _stallTicks += ticks;
            if (_exhausted && _stalled <= _limits.Standbys / 2)
            {
                Volatile.Write(ref _exhausted, false);
            }
        }
    }

    private bool TryPark(ParkedThread waiter)
    {
        // Outside the lock, which the monitor needs too: this may read files.
        bool isShort = _limits.Headroom.IsShort;
        using (_lock.Hold())
        {
            if (_stopped || (_parked.Count > 0 && isShort))
            {
                return false;
            }

            _parked.Add(waiter);
            return true;
        }
    }

    /// <summary>Null when the thread should end: the group has stopped, or there was no stall for a while.</summary>
    private Handoff? Wait(ParkedThread waiter)
    {
        if (waiter.Wait(s_lifetimeParked, out Handoff? handoff))
        {
            return handoff;
        }

        using (_lock.Hold())
        {
            if (_parked.Remove(waiter))
            {
                return null;
            }
        }

        // Taken at this moment: the hand-off is on its way.
        waiter.Wait(Timeout.InfiniteTimeSpan, out handoff);
        return handoff;
    }

    /// <summary>A parked thread.</summary>
#pragma warning disable CA1001 // The semaphore holds no handle.
    private sealed class ParkedThread
#pragma warning restore CA1001
    {
        private readonly SemaphoreSlim _signal = new(0);
        private Handoff? _handOver;

        internal void Dispatch(Handoff? handoff)
        {
            _handOver = handoff;
            _signal.GivePermits();
        }

        internal bool Wait(TimeSpan timeout, out Handoff? handoff)
        {
            if (!_signal.WaitForPermit(timeout))
            {
                handoff = null;
                return false;
            }

            handoff = _handOver;
            _handOver = null;
            return true;
        }
    }
}
