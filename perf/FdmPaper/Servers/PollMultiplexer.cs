using System;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>One <c>poll()</c> over everything.</summary>
internal sealed class PollMultiplexer : IMultiplexer
{
    private PollDescriptor[] _polled = new PollDescriptor[64];
    private int[] _slots = [];
    private int _count;

    public void Add(int descriptor, bool isListener)
    {
        if (_count == _polled.Length)
        {
            Array.Resize(ref _polled, _count * 2);
        }

        if (descriptor >= _slots.Length)
        {
            Array.Resize(ref _slots, Math.Max(descriptor + 1, _slots.Length * 2));
        }

        _polled[_count] = new PollDescriptor { Descriptor = descriptor, Events = PollFlags.In };
        _slots[descriptor] = _count++;
    }

    public void Remove(int descriptor)
    {
        int slot = _slots[descriptor];
        _polled[slot] = _polled[--_count];
        _slots[_polled[slot].Descriptor] = slot;
    }

    public int Wait(Span<int> ready)
    {
        Span<PollDescriptor> polled = _polled.AsSpan(0, _count);
        int left = Math.Min(Sys.Poll(polled, -1), ready.Length);
        int found = 0;
        for (int i = 0; found < left; i++)
        {
            if (polled[i].Returned != 0)
            {
                ready[found++] = polled[i].Descriptor;
            }
        }

        return found;
    }
}
