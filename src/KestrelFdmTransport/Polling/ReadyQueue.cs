using System;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Polling;

/// <summary>A growing ring of tokens, each with the time at which it was queued.</summary>
internal struct ReadyQueue
{
    private Entry[] _entries;
    private int _head;
    private int _count;

    internal ReadyQueue(int capacity)
        => _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)capacity)];

    internal readonly int Count => _count;

    /// <summary>When the oldest entry was queued. Only with <see cref="Count"/> above zero.</summary>
    internal readonly long OldestQueuedAt => _entries[_head].QueuedAt;

    internal void Enqueue(ulong token, long now)
    {
        if (_count == _entries.Length)
        {
            Grow();
        }

        _entries[(_head + _count) & (_entries.Length - 1)] = new Entry(token, now);
        _count++;
    }

    internal ulong Dequeue(out long queuedAt)
    {
        Debug.Assert(_count > 0, "A budget is never more than what is queued.");
        ulong token = _entries[_head].Token;
        queuedAt = _entries[_head].QueuedAt;
        _head = (_head + 1) & (_entries.Length - 1);
        _count--;
        return token;
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
