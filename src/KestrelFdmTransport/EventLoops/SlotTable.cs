using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Finds the source of an event by its token without a search. A token is the slot index (low half) and the slot's
/// generation (high half). Closing changes the generation, so an event with an old one is dropped.
/// </summary>
/// <remarks>Belongs to the loop's owner, save where it says otherwise.</remarks>
internal sealed class SlotTable<T>
    where T : LoopEntry<T>
{
    private Slot[] _slots = new Slot[64];
    private int _used;
    private int _free = -1;

    internal int Count { get; private set; }

    internal ulong Add(T source)
    {
        int index = _free;
        if (index >= 0)
        {
            _free = _slots[index].NextFree;
        }
        else
        {
            if (_used == _slots.Length)
            {
                Array.Resize(ref _slots, _slots.Length * 2);
            }

            index = _used++;
        }

        ref Slot slot = ref _slots[index];
        slot.Source = source;
        Count++;
        return ((ulong)slot.Generation << 32) | (uint)index;
    }

    internal T? Find(ulong token)
    {
        uint index = (uint)token;
        if (index >= (uint)_used)
        {
            return null;
        }

        ref Slot slot = ref _slots[index];
        return slot.Generation == (uint)(token >> 32) ? slot.Source : null;
    }

    internal void Remove(ulong token)
    {
        int index = (int)(uint)token;
        ref Slot slot = ref _slots[index];
        slot.Source = null;
        slot.Generation++;
        slot.NextFree = _free;
        _free = index;
        Count--;
    }

    /// <summary>
    /// The registered source in the highest slot below <paramref name="end"/>, which becomes that slot's number; null
    /// if there is none. All of them in turn without a copy: to end a loop must take no memory. Any thread: what the
    /// owner changes meanwhile may be seen or not.
    /// </summary>
    internal T? Below(ref int end)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        for (end = Math.Min(end, Math.Min(_used, slots.Length)) - 1; end >= 0; end--)
        {
            if (slots[end].Source is { } source)
            {
                return source;
            }
        }

        end = 0;
        return null;
    }

    private struct Slot
    {
        internal T? Source;
        internal uint Generation;
        internal int NextFree;
    }
}
