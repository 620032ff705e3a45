using System;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// The queue of a polling set: a growing ring of tokens, each with the time at which it was queued. With it go the
/// set's share of the iteration, and counters since the loop began, which other threads may read as approximate
/// figures.
/// </summary>
internal sealed class ReadyQueue
{
    private Entry[] _entries;
    private int _head;

    internal ReadyQueue(int capacity)
        => _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)capacity)];

    internal int Count { get; private set; }

    /// <summary>How many more may be dispatched in this iteration; never more than are queued.</summary>
    internal int Budget { get; private set; }

    /// <summary>When the oldest entry was queued. Only with <see cref="Count"/> above zero.</summary>
    internal long OldestQueuedAt => _entries[_head].QueuedAt;

    internal long Polls { get; private set; }

    internal long Dispatched { get; private set; }

    /// <summary>Total queueing time of all dispatched connections, in clock ticks.</summary>
    internal long Delay { get; private set; }

    internal void Enqueue(ulong token, long now)
    {
        if (Count == _entries.Length)
        {
            Grow();
        }

        _entries[(_head + Count) & (_entries.Length - 1)] = new Entry(token, now);
        Count++;
    }

    /// <summary>Queues for the current iteration, not for the next.</summary>
    internal void EnqueueAtOnce(ulong token, long now)
    {
        Enqueue(token, now);
        Budget++;
    }

    internal void BeginIteration(int budget)
    {
        Polls++;
        Budget = Math.Min(budget, Count);
    }

    internal ulong Dequeue(long now, out long queuedAt)
    {
        Debug.Assert(Count > 0, "A budget is never more than what is queued.");
        Entry entry = _entries[_head];
        queuedAt = entry.QueuedAt;
        _head = (_head + 1) & (_entries.Length - 1);
        Count--;
        Budget--;
        Dispatched++;
        Delay += Math.Max(0, now - queuedAt);
        return entry.Token;
    }

    private void Grow()
    {
        FaultPoints.Hit(FaultPoint.ReadyQueueGrown);
        var larger = new Entry[_entries.Length * 2];
        int untilWrap = _entries.Length - _head;
        Array.Copy(_entries, _head, larger, 0, untilWrap);
        Array.Copy(_entries, 0, larger, untilWrap, _head);
        _entries = larger;
        _head = 0;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Entry(ulong Token, long QueuedAt);
}
