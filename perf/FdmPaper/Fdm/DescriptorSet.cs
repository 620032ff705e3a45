using System;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>
/// The descriptors of one set: an array that <c>poll()</c> takes, and beside it what FDM knows of each.
/// </summary>
internal sealed class DescriptorSet
{
    private PollDescriptor[] _polled = new PollDescriptor[64];
    private DescriptorState[] _states = new DescriptorState[64];

    internal int Count { get; private set; }

    internal ReadOnlySpan<PollDescriptor> Polled => _polled.AsSpan(0, Count);

    internal ref PollDescriptor PolledAt(int slot) => ref _polled[slot];

    internal ref DescriptorState StateAt(int slot) => ref _states[slot];

    /// <returns>The slot.</returns>
    internal int Add(PollDescriptor polled, in DescriptorState state)
    {
        if (Count == _polled.Length)
        {
            Array.Resize(ref _polled, Count * 2);
            Array.Resize(ref _states, Count * 2);
        }

        _polled[Count] = polled;
        _states[Count] = state;
        return Count++;
    }

    /// <summary>The last entry takes the place of the one removed.</summary>
    /// <returns>The descriptor that is at the slot now, or -1.</returns>
    internal int RemoveAt(int slot)
    {
        Count--;
        _polled[slot] = _polled[Count];
        _states[slot] = _states[Count];
        _states[Count] = default;
        return slot < Count ? _polled[slot].Descriptor : -1;
    }
}
