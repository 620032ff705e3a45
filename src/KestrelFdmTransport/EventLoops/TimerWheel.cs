using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// One deadline per slot, in buckets of a tick each: setting, moving and clearing one costs the same however many there
/// are, and nothing is allocated for it. FDM gave every connection such a deadline.
/// </summary>
/// <remarks>
/// Pure logic: no clock. A deadline is never taken early, and in the first call after the end of the tick that it falls
/// into. One that is put off stays in its bucket and moves on when that comes round, so putting off is a store. Belongs
/// to the loop's owner.
/// </remarks>
internal sealed class TimerWheel
{
    /// <summary>How coarse idle timers are, in milliseconds. The loop wakes for them no more often.</summary>
    internal const int IdleTick = 100;

    internal const int Buckets = 512;

    private const int None = -1;

    private readonly long _tick;
    private readonly int[] _first = new int[Buckets];
    private Node[] _nodes = [];

    // No deadline is in a bucket of an earlier tick.
    private long _cursor;

    internal TimerWheel(long tick)
    {
        _tick = tick;
        Array.Fill(_first, None);
    }

    /// <summary>How many slots have a deadline.</summary>
    internal int Count { get; private set; }

    /// <summary>Gives the slot a deadline in place of the one that it may have.</summary>
    internal void Set(int slot, long due)
    {
        if (slot >= _nodes.Length)
        {
            Array.Resize(ref _nodes, Math.Max(slot + 1, Math.Max(64, _nodes.Length * 2)));
        }

        long tick = TickOf(due);
        ref Node node = ref _nodes[slot];
        if (node.IsSet)
        {
            if (tick >= node.Tick)
            {
                node.Due = due;
                return;
            }

            Unlink(slot);
        }

        if (Count == 0 || tick < _cursor)
        {
            _cursor = tick;
        }

        node.Due = due;
        Link(slot, Math.Min(tick, _cursor + Buckets - 1));
    }

    internal void Clear(int slot)
    {
        if (slot < _nodes.Length && _nodes[slot].IsSet)
        {
            Unlink(slot);
        }
    }

    /// <summary>
    /// How long there is nothing to take: zero if there may be something now, -1 if there is no deadline at all.
    /// </summary>
    internal long Until(long now) => Count == 0 ? -1 : Math.Max(0, (_cursor * _tick) - now);

    /// <summary>Takes one slot whose deadline has come.</summary>
    internal bool TryTakeDue(long now, out int slot)
    {
        long last = now / _tick;
        if (_cursor <= last - Buckets)
        {
            // More than a round has passed: one round visits every bucket.
            _cursor = last - Buckets + 1;
        }

        while (Count > 0)
        {
            slot = _first[_cursor % Buckets];
            if (slot == None)
            {
                // Also beyond the present, up to where the next one is, so that the loop sleeps until then.
                _cursor++;
                continue;
            }

            if (_cursor > last)
            {
                return false;
            }

            Unlink(slot);
            long due = _nodes[slot].Due;
            if (due <= now)
            {
                return true;
            }

            // Put off meanwhile, or more than a round ahead. Never into the bucket in hand: that would have no end.
            Link(slot, Math.Clamp(TickOf(due), _cursor + 1, _cursor + Buckets - 1));
        }

        slot = None;
        return false;
    }

    /// <summary>The first tick that does not begin before <paramref name="due"/>.</summary>
    private long TickOf(long due) => (due + _tick - 1) / _tick;

    private void Link(int slot, long tick)
    {
        int bucket = (int)(tick % Buckets);
        int first = _first[bucket];
        ref Node node = ref _nodes[slot];
        node.Tick = tick;
        node.Next = first;
        node.Previous = None;
        node.IsSet = true;
        if (first != None)
        {
            _nodes[first].Previous = slot;
        }

        _first[bucket] = slot;
        Count++;
    }

    private void Unlink(int slot)
    {
        ref Node node = ref _nodes[slot];
        if (node.Previous == None)
        {
            _first[node.Tick % Buckets] = node.Next;
        }
        else
        {
            _nodes[node.Previous].Next = node.Next;
        }

        if (node.Next != None)
        {
            _nodes[node.Next].Previous = node.Previous;
        }

        node.IsSet = false;
        Count--;
    }

    private struct Node
    {
        internal long Due;

        /// <summary>The tick in whose bucket the slot is, at most that of <see cref="Due"/>.</summary>
        internal long Tick;

        internal int Next;
        internal int Previous;
        internal bool IsSet;
    }
}
