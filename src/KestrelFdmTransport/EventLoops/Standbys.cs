using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The threads of a group of loops: those that own a loop, those that have lost theirs to a standby and are still inside the
/// callback that cost it, and those that stand by.
/// </summary>
/// <remarks>
/// One thread more than loops and stalled callbacks is made when it is needed. When <see cref="EventLoopSettings.MaxStandbyThreads"/>
/// threads are inside stalled callbacks, no loop runs application code any more, so that each keeps the thread it has.
/// </remarks>
internal sealed class Standbys
{
    private const string Name = "fdm-standby";

    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);

    private readonly Lock _lock = new();
    private readonly List<Waiter> _parked = [];
    private readonly EventLoopSettings _settings;
    private readonly ILogger _logger;
    private readonly ThreadHeadroom _headroom;
    private int _stalled;
    private long _handOvers;
    private bool _exhausted;
    private bool _stopped;

    internal Standbys(EventLoopSettings settings, ILogger logger)
    {
        _headroom = settings.Headroom;
        _settings = settings;
        _logger = logger;
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

    internal long HandOvers => Volatile.Read(ref _handOvers);

    /// <summary>True while so many callbacks are stalled that nothing may run on a loop. Any thread.</summary>
    internal bool IsExhausted => _settings.MaxStandbyThreads == 0 || Volatile.Read(ref _exhausted);

    /// <summary>Starts the first owner of a loop.</summary>
    internal static void Start(EventLoop loop)
        => OwnThread.Start(loop.Name, static state => Serve((EventLoop)state!), loop);

    /// <summary>Sends a standby to take a loop over; false if there is none and none may be made. Monitor only.</summary>
    internal bool TrySend(HandOver handOver)
    {
        Waiter? standby = null;
        using (_lock.Hold())
        {
            // As many again as there are loops are kept for what may stall a loop although no application code runs on it.
            if (_stopped || _stalled >= _settings.MaxStandbyThreads + _settings.LoopCount)
            {
                return false;
            }

            // The one that came last: the others may reach the end of their lives.
            if (_parked.Count > 0)
            {
                standby = _parked[^1];
                _parked.RemoveAt(_parked.Count - 1);
            }
        }

        if (standby is not null)
        {
            standby.Send(handOver);
            return true;
        }

        // With no room for a thread the loop waits for its callback, as it would without standbys.
        return OwnThread.TryStart(_headroom, Name, static state => Serve((HandOver)state!), handOver);
    }

    /// <summary>Loops are started: standbys may be made.</summary>
    internal void Allow()
    {
        using (_lock.Hold())
        {
            _stopped = false;
        }
    }

    /// <summary>The loops have stopped: standbys end, and so do threads that come back from a callback.</summary>
    internal void Stop()
    {
        Waiter[] parked;
        using (_lock.Hold())
        {
            _stopped = true;
            parked = [.. _parked];
            _parked.Clear();
        }

        foreach (Waiter waiter in parked)
        {
            waiter.Send(null);
        }
    }

    private static void Serve(EventLoop loop)
    {
        CallbackScope scope = CallbackScope.AdoptThread(servesLoops: true);
        scope.Own(loop);
        Standbys standbys = loop.Group.Standbys;
        if (loop.Run(scope))
        {
            // The group has stopped, or has another thread for the loop in this one's place.
            CallbackScope.Retire();
            return;
        }

        standbys.Serve(scope, lost: true);
    }

    private static void Serve(HandOver handOver)
    {
        CallbackScope scope = CallbackScope.AdoptThread(servesLoops: true);
        Standbys standbys = handOver.Loop.Group.Standbys;
        bool lost = standbys.Take(scope, handOver);
        standbys.Serve(scope, lost);
    }

    /// <summary>The rest of a thread's life: takes over what it is sent for.</summary>
    private void Serve(CallbackScope scope, bool lost)
    {
        var waiter = new Waiter();
        while (true)
        {
            if (lost)
            {
                OnReturned();
            }

            scope.Disown(Name);
            scope.ReleaseHoards();
            if (!TryPark(waiter) || Wait(waiter) is not { } handOver)
            {
                CallbackScope.Retire();
                return;
            }

            lost = Take(scope, handOver);
        }
    }

    /// <summary>True if the loop was lost again, false if it ended or was not to be had.</summary>
    private bool Take(CallbackScope scope, HandOver handOver)
    {
        EventLoop loop = handOver.Loop;
        if (!handOver.Scope.TryTakeLoop(handOver.Word))
        {
            return false;
        }

        OnTaken(handOver);
        scope.Own(loop);
        return !loop.Run(scope, handOver);
    }

    private void OnTaken(HandOver handOver)
    {
        bool exhausted = false;
        using (_lock.Hold())
        {
            _stalled++;
            _handOvers++;
            if (_stalled >= _settings.MaxStandbyThreads && !_exhausted && _settings.MaxStandbyThreads > 0)
            {
                Volatile.Write(ref _exhausted, true);
                exhausted = true;
            }
        }

        try
        {
            // The log is foreign code, and this thread owns a loop by now.
            handOver.Loop.Group.Report(handOver);
            if (exhausted)
            {
                ThreadPool.UnsafeQueueUserWorkItem(
                    static standbys => Log.StandbysExhausted(standbys._logger, standbys._settings.MaxStandbyThreads), this, preferLocal: false);
            }
        }
        catch (Exception)
        {
            // The pool has no room for a message, or for the thread that would write it. The loop is what matters.
        }
    }

    private void OnReturned()
    {
        using (_lock.Hold())
        {
            _stalled--;
            if (_exhausted && _stalled <= _settings.MaxStandbyThreads / 2)
            {
                Volatile.Write(ref _exhausted, false);
            }
        }
    }

    private bool TryPark(Waiter waiter)
    {
        // Outside the lock, which the monitor wants too: it may take a look at files.
        bool isShort = _headroom.IsShort;
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

    /// <summary>Null when the thread should end: the group is gone, or nothing has stalled for a while.</summary>
    private HandOver? Wait(Waiter waiter)
    {
        if (waiter.Wait(s_lifetimeParked, out HandOver? handOver))
        {
            return handOver;
        }

        using (_lock.Hold())
        {
            if (_parked.Remove(waiter))
            {
                return null;
            }
        }

        // Taken at this moment: the hand-over is on its way.
        waiter.Wait(Timeout.InfiniteTimeSpan, out handOver);
        return handOver;
    }

    /// <summary>A parked thread.</summary>
#pragma warning disable CA1001 // The semaphore holds no handle.
    private sealed class Waiter
#pragma warning restore CA1001
    {
        private readonly SemaphoreSlim _signal = new(0);
        private HandOver? _handOver;

        internal void Send(HandOver? handOver)
        {
            _handOver = handOver;
            _signal.GivePermits();
        }

        internal bool Wait(TimeSpan timeout, out HandOver? handOver)
        {
            if (!_signal.WaitForPermit(timeout))
            {
                handOver = null;
                return false;
            }

            handOver = _handOver;
            _handOver = null;
            return true;
        }
    }
}
