using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// What dispatched callbacks have flushed, held back for a moment while others wait for every CPU, and then sent together. Each answer that leaves
/// by itself wakes a client, whose next request wakes the loop, and both take CPU from the callbacks that wait.
/// </summary>
/// <remarks>
/// Whoever ends a callback looks whether it is time. That somebody does is likely, not certain: the callbacks that wait may all block.
/// So the monitor looks too. That look is not lost: a flush is put in before the monitor is told of it, and the monitor says that it looks
/// no more before it looks a last time.
/// </remarks>
internal sealed class FlushCoalescer
{
    private const int MaxPooledBatches = 4;

    /// <summary>Two milliseconds. The monitor's next look may be as much later.</summary>
    private static readonly long s_maxDelay = Stopwatch.Frequency / 500;

    private readonly Lock _lock = new();
    private readonly ThreadPoolBacklog _backlog;
    private readonly FlushBatch?[] _spares = new FlushBatch?[MaxPooledBatches];
    private FlushBatch _held;
    private int _spareCount;
    private int _count;
    private long _since;
    private int _isWatched;

    internal FlushCoalescer(ThreadPoolBacklog backlog)
    {
        _backlog = backlog;
        _held = new FlushBatch(this);
    }

    /// <summary>Link of the monitor's list.</summary>
    internal FlushCoalescer? NextWatched { get; set; }

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
    internal bool TryDelay(IoSource source, long started, long now)
    {
        // After a long one there is little to gain: few others end within the time that this one may wait. And whoever flushes may hold a
        // lock of his own, so nobody waits for ours.
        long patience = MaxDelay();
        if ((now - started) * 2 > patience || !_lock.TryEnter())
        {
            return false;
        }

        bool first;
        try
        {
            first = _count == 0;
            if (!_held.TryAdd(source))
            {
                return false;
            }

            _since = first ? now : _since;
            Volatile.Write(ref _count, _held.Count);
        }
        finally
        {
            _lock.Exit();
        }

        // Without a monitor it stays in the list all the same, and the caller sends: the other one finds nothing.
        return first && Interlocked.Exchange(ref _isWatched, 1) == 0 ? StallMonitor.Watch(this) : StallMonitor.EnsureAwake();
    }

    /// <summary>Sends what is held if it has been for long enough, or if it is enough. User code runs here.</summary>
    internal void SendIfDue(long now)
    {
        if (Volatile.Read(ref _count) is not 0 and int count && (count == FlushBatch.Capacity || now - Volatile.Read(ref _since) >= MaxDelay()))
        {
            Take().Send();
        }
    }

    /// <summary>Monitor: sends what has been held for so long that whoever was to send it has not come.</summary>
    internal void Look(long now)
    {
        if (!IsEmpty && now - Volatile.Read(ref _since) >= s_maxDelay)
        {
            Take().SendFromMonitor();
        }
    }

    /// <summary>Monitor: true once there is nothing to look at; whoever puts something in afterwards says so.</summary>
    internal bool TryUnwatch()
    {
        if (!IsEmpty)
        {
            return false;
        }

        SyncPoints.Hit(SyncPoint.MonitorForgets, this);
        Interlocked.Exchange(ref _isWatched, 0);
        return IsEmpty || Interlocked.Exchange(ref _isWatched, 1) != 0;
    }

    /// <summary>Takes back a batch that everybody is done with.</summary>
    internal void Return(FlushBatch batch)
    {
        using (_lock.Hold())
        {
            if (_spareCount < MaxPooledBatches)
            {
                _spares[_spareCount++] = batch;
            }
        }
    }

    /// <summary>No longer than the callbacks that wait keep all CPUs busy.</summary>
    private long MaxDelay() => _backlog.EstimatedMicroseconds * (Stopwatch.Frequency / 1_000_000);

    private FlushBatch Take()
    {
        using (_lock.Hold())
        {
            FlushBatch held = _held;
            _held = _spareCount > 0 ? _spares[--_spareCount]! : new FlushBatch(this);
            Volatile.Write(ref _count, 0);
            return held;
        }
    }
}
