using System;
using System.Diagnostics.CodeAnalysis;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The sources of a loop that wait for a time: idle connections, connectors and paused acceptors. A binary heap in
/// which each source knows its place, so that clearing one does not search.
/// </summary>
/// <remarks>Belongs to the loop's owner.</remarks>
internal sealed class TimerQueue<T>
    where T : LoopEntry<T>
{
    // From 1 on, so that a source's place of 0 means none. The parent of n is n / 2.
    private Entry[] _heap = new Entry[8];

    /// <summary>How many sources have a deadline.</summary>
    internal int Count { get; private set; }

    /// <summary>Gives the source a deadline in place of the one that it may have.</summary>
    internal void Set(T source, long due)
    {
        int place = source.TimerIndex;
        if (place == 0)
        {
            // Before it is counted: without memory for more there is none more.
            if (Count + 1 == _heap.Length)
            {
                Array.Resize(ref _heap, 2 * _heap.Length);
            }

            place = ++Count;
        }

        Settle(place, new Entry(source, due));
    }

    internal void Clear(T source)
    {
        int place = source.TimerIndex;
        if (place == 0)
        {
            return;
        }

        source.TimerIndex = 0;
        Entry last = _heap[Count];
        _heap[Count--] = default;
        if (last.Source != source)
        {
            Settle(place, last);
        }
    }

    /// <summary>Ticks until the next one is due, 0 if one is overdue, -1 if there is none.</summary>
    internal long Until(long now) => Count == 0 ? -1 : Math.Max(0, _heap[1].Due - now);

    internal bool TryTakeDue(long now, [NotNullWhen(true)] out T? source)
    {
        if (Count == 0 || _heap[1].Due > now)
        {
            source = null;
            return false;
        }

        source = _heap[1].Source;
        Clear(source);
        return true;
    }

    /// <summary>Puts an entry where there is a gap, or above or below it, where the order wants it.</summary>
    private void Settle(int place, Entry entry)
    {
        while (place > 1 && _heap[place / 2].Due > entry.Due)
        {
            Place(place, _heap[place / 2]);
            place /= 2;
        }

        while (place * 2 <= Count)
        {
            int child = place * 2;
            if (child < Count && _heap[child + 1].Due < _heap[child].Due)
            {
                child++;
            }

            if (_heap[child].Due >= entry.Due)
            {
                break;
            }

            Place(place, _heap[child]);
            place = child;
        }

        Place(place, entry);
    }

    private void Place(int place, Entry entry)
    {
        _heap[place] = entry;
        entry.Source.TimerIndex = place;
    }

    private readonly record struct Entry(T Source, long Due);
}
