using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// What dispatched callbacks have flushed, held back for a moment while others wait for every CPU, and then sent together. Each answer that leaves
/// by itself wakes a client, whose next request wakes the loop, and both take CPU from the callbacks that wait.
/// </summary>
/// <remarks>
/// Whoever ends a callback looks whether it is time. That somebody does is likely, not certain: the callbacks that wait may all block.
/// So the monitor looks too, and sends what it has seen twice. That look is not lost: a flush is put in before the monitor is told of
/// it, and the monitor says that it looks no more before it looks a last time.
/// </remarks>
internal sealed class HeldFlushes
{
    private const int Most = 8;

    private readonly Lock _lock = new();
    private readonly DispatchBacklog _backlog;
    private IoSource[] _held = new IoSource[Most];
    private IoSource[]? _spare;
    private int _count;
    private long _since;
    private long _taken;
    private int _isWatched;

    // Monitor.
    private long _seen = -1;

    internal HeldFlushes(DispatchBacklog backlog) => _backlog = backlog;

    /// <summary>Link of the monitor's list.</summary>
    internal HeldFlushes? NextWatched { get; set; }

    /// <summary>True while the monitor looks after it.</summary>
    internal bool IsWatched
    {
        init => _isWatched = value ? 1 : 0;
    }

    internal bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Holds back what a callback has flushed that is over; false if it is to be sent.</summary>
    /// <param name="source">Whose flush it is. It has put the data where sending finds it.</param>
    /// <param name="started">When the callback began.</param>
    /// <param name="now">The time.</param>
    internal bool TryHold(IoSource source, long started, long now)
    {
        // After a long one there is little to gain: few others end within the time that this one may wait.
        long patience = Patience();
        if ((now - started) * 2 > patience)
        {
            return false;
        }

        bool first;
        lock (_lock)
        {
            if (_count == Most)
            {
                return false;
            }

            first = _count == 0;
            _since = first ? now : _since;
            _held[_count] = source;
            Volatile.Write(ref _count, _count + 1);
        }

        if (first)
        {
            if (Interlocked.Exchange(ref _isWatched, 1) == 0)
            {
                CallbackMonitor.Watch(this);
            }
            else
            {
                CallbackMonitor.EnsureAwake();
            }
        }

        return true;
    }

    /// <summary>Sends what is held if it has been for long enough, or if it is enough. Foreign code runs here.</summary>
    internal void SendIfDue(long now)
    {
        if (Volatile.Read(ref _count) is not 0 and int count && (count == Most || now - Volatile.Read(ref _since) >= Patience()))
        {
            SendAll();
        }
    }

    /// <summary>Monitor: sends what was there at its last look already.</summary>
    internal void Look(bool onTime)
    {
        long taken = Volatile.Read(ref _taken);
        if (!onTime || taken != _seen || IsEmpty)
        {
            _seen = taken;
            return;
        }

        IoSource[] held = Take(out int count);
        for (int i = 0; i < count; i++)
        {
            held[i].SendFromMonitor();
        }

        GiveBack(held, count);
    }

    /// <summary>Monitor: true once there is nothing to look at; whoever puts something in afterwards says so.</summary>
    internal bool TryUnwatch()
    {
        if (!IsEmpty)
        {
            return false;
        }

        RacePoints.Reach(RacePoint.MonitorUnwatches, this);
        Interlocked.Exchange(ref _isWatched, 0);
        return IsEmpty || Interlocked.Exchange(ref _isWatched, 1) != 0;
    }

    /// <summary>No longer than the callbacks that wait keep all CPUs busy.</summary>
    private long Patience() => _backlog.KeepsBusy * (Stopwatch.Frequency / 1_000_000);

    private void SendAll()
    {
        IoSource[] held = Take(out int count);
        var sent = default(Sent);

        // All system calls first: what follows is foreign code, which may take for ever.
        for (int i = 0; i < count; i++)
        {
            sent[i] = held[i].Transmit();
        }

        for (int i = 0; i < count; i++)
        {
            CallbackScope.FinishSend(held[i], sent[i]);
        }

        GiveBack(held, count);
    }

    private IoSource[] Take(out int count)
    {
        lock (_lock)
        {
            IoSource[] held = _held;
            count = _count;
            _held = _spare ?? new IoSource[Most];
            _spare = null;
            Volatile.Write(ref _count, 0);
            Volatile.Write(ref _taken, _taken + 1);
            return held;
        }
    }

    private void GiveBack(IoSource[] held, int count)
    {
        Array.Clear(held, 0, count);
        Volatile.Write(ref _spare, held);
    }

    [System.Runtime.CompilerServices.InlineArray(Most)]
    private struct Sent
    {
        private object? _first;
    }
}
