using System;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>Events that wait for delivery, one per descriptor at most.</summary>
internal sealed class EventQueue(int capacity)
{
    private const int None = -1;

    private readonly FdmEvent[] _ring = new FdmEvent[capacity];
    private int[] _positions = [];
    private int _head;
    private int _count;

    internal bool IsFull => _count == _ring.Length;

    internal bool Contains(int descriptor) => descriptor < _positions.Length && _positions[descriptor] != None;

    /// <summary>Puts an event at the end, or in the place of an older one of its descriptor.</summary>
    internal void Put(in FdmEvent item)
    {
        if (Contains(item.Descriptor))
        {
            _ring[_positions[item.Descriptor]] = item;
            return;
        }

        if (item.Descriptor >= _positions.Length)
        {
            int old = _positions.Length;
            Array.Resize(ref _positions, Math.Max(item.Descriptor + 1, old * 2));
            Array.Fill(_positions, None, old, _positions.Length - old);
        }

        int position = (_head + _count) % _ring.Length;
        _ring[position] = item;
        _positions[item.Descriptor] = position;
        _count++;
    }

    /// <summary>Leaves a hole; it is skipped when its turn comes.</summary>
    internal void Delete(int descriptor)
    {
        if (Contains(descriptor))
        {
            _ring[_positions[descriptor]] = new FdmEvent(None, 0, null);
            _positions[descriptor] = None;
        }
    }

    /// <returns>How many were taken.</returns>
    internal int Take(Span<FdmEvent> events)
    {
        int taken = 0;
        while (_count > 0 && taken < events.Length)
        {
            FdmEvent item = _ring[_head];
            _ring[_head] = default;
            _head = (_head + 1) % _ring.Length;
            _count--;
            if (item.Descriptor != None)
            {
                _positions[item.Descriptor] = None;
                events[taken++] = item;
            }
        }

        return taken;
    }
}
