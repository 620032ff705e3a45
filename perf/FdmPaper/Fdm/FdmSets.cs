using System;
using System.Runtime.InteropServices;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>
/// FDM as its authors wrote it (Liu and Chen, IEE Proc. Software 151(3), 2004, and their source): descriptors live in
/// three sets, and the colder a set, the more seldom <c>poll()</c> is asked about it.
/// </summary>
/// <remarks>One thread. <paramref name="now"/> is a clock in milliseconds.</remarks>
internal sealed class FdmSets(IPoll poll, Func<long> now, int n = FdmSets.DefaultN)
{
    /// <summary>DEFAULT_LIVE_COUNTER.</summary>
    internal const int DefaultN = 3;

    private const int QueueLength = 8192;
    private const short ErrorFlags = PollFlags.Err | PollFlags.Hup | PollFlags.Invalid;

    private readonly DescriptorSet[] _sets = [new(), new(), new()];
    private readonly EventQueue _queue = new(QueueLength);
    private PollDescriptor[] _polled = new PollDescriptor[64];
    private Place[] _places = [];
    private long _calls;

    private enum Outcome
    {
        None,
        Event,
        Error,
    }

    /// <summary>fdm_reg_fd: new descriptors are active, with a counter of N - 1.</summary>
    internal void Register(int descriptor, short interest, object? payload = null, bool locked = false)
    {
        if (descriptor >= _places.Length)
        {
            Array.Resize(ref _places, Math.Max(descriptor + 1, _places.Length * 2));
        }

        var polled = new PollDescriptor { Descriptor = descriptor, Events = interest };
        Put(FdmSet.Active, polled, new DescriptorState { Counter = n - 1, Payload = payload, Locked = locked });
    }

    /// <summary>fdm_unreg_fd.</summary>
    internal void Unregister(int descriptor)
    {
        _queue.Delete(descriptor);
        Remove(_places[descriptor]);
    }

    /// <summary>
    /// fdm_update_fd_mode: what is queued of the descriptor is about what was wanted before, and is dropped.
    /// </summary>
    internal void Update(int descriptor, short interest, object? payload, long? deadline)
    {
        _queue.Delete(descriptor);
        Place place = _places[descriptor];
        DescriptorSet set = _sets[(int)place.Set];
        set.PolledAt(place.Slot).Events = interest;
        ref DescriptorState state = ref set.StateAt(place.Slot);
        state.Payload = payload;
        state.Deadline = deadline ?? 0;
    }

    /// <summary>
    /// fdm_wait_event: one <c>poll()</c> over all sets that are due, then as many queued events as fit.
    /// </summary>
    internal int Wait(Span<FdmEvent> events, int timeoutMilliseconds)
    {
        _calls++;
        Span<int> counts = stackalloc int[_sets.Length];
        int total = GatherDue(counts);
        if (total == 0)
        {
            return 0;
        }

        Span<PollDescriptor> polled = _polled.AsSpan(0, total);
        poll.Poll(polled, timeoutMilliseconds);
        long time = now();
        int start = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            Judge((FdmSet)i, polled.Slice(start, counts[i]), time);
            start += counts[i];
        }

        return _queue.Take(events);
    }

    /// <summary>For tests.</summary>
    internal FdmSet SetOf(int descriptor) => _places[descriptor].Set;

    /// <summary>The live counter, for tests.</summary>
    internal int CounterOf(int descriptor) => StateOf(_places[descriptor]).Counter;

    private ref DescriptorState StateOf(Place place) => ref _sets[(int)place.Set].StateAt(place.Slot);

    /// <summary>Set i is due at every Nⁱ-th call, looked at in order up to the first that is not.</summary>
    private int GatherDue(Span<int> counts)
    {
        int total = 0;
        long period = 1;
        for (int i = 0; i < _sets.Length && _calls % period == 0; i++)
        {
            counts[i] = _sets[i].Count;
            if (total + counts[i] > _polled.Length)
            {
                Array.Resize(ref _polled, Math.Max(total + counts[i], _polled.Length * 2));
            }

            _sets[i].Polled.CopyTo(_polled.AsSpan(total));
            total += counts[i];
            period *= n;
        }

        return total;
    }

    /// <remarks>
    /// From the last slot to the first: when an entry leaves, the one that takes its place has been judged already, or
    /// has come from another set and was not polled.
    /// </remarks>
    private void Judge(FdmSet set, ReadOnlySpan<PollDescriptor> polled, long time)
    {
        for (int slot = polled.Length - 1; slot >= 0; slot--)
        {
            ref DescriptorState state = ref _sets[(int)set].StateAt(slot);
            short returned = polled[slot].Returned;
            bool happened = Classify(ref returned, ref state, time) == Outcome.Event;
            if (returned != 0 && Enqueue(polled[slot].Descriptor, returned, state.Payload) && happened)
            {
                // The older event has counted already.
                continue;
            }

            if (!state.Locked)
            {
                Count(ref state, happened);
                Move(set, slot, state.Counter);
            }
        }
    }

    private static Outcome Classify(ref short returned, ref DescriptorState state, long time)
    {
        if (returned == 0)
        {
            if (state.Deadline == 0 || state.Deadline >= time)
            {
                return Outcome.None;
            }

            returned = PollFlags.Timeout;
            return Outcome.Error;
        }

        state.Deadline = 0;
        return (returned & ErrorFlags) != 0 ? Outcome.Error : Outcome.Event;
    }

    /// <returns>True if an older event of the descriptor was still undelivered.</returns>
    private bool Enqueue(int descriptor, short events, object? payload)
    {
        bool overwrites = _queue.Contains(descriptor);
        if (overwrites || !_queue.IsFull)
        {
            // With no room poll() will say it again.
            _queue.Put(new FdmEvent(descriptor, events, payload));
        }

        return overwrites;
    }

    private void Count(ref DescriptorState state, bool happened)
        => state.Counter = !happened ? Math.Max(0, state.Counter - 1)
            : state.Counter < n - 1 ? n - 1
            : Math.Min(n, state.Counter + 1);

    private void Move(FdmSet set, int slot, int counter)
    {
        if (counter <= 0 && set != FdmSet.Idle)
        {
            Move(set, slot, set + 1);
        }
        else if (counter >= n && set != FdmSet.Active)
        {
            Move(set, slot, FdmSet.Active);
        }
    }

    private void Move(FdmSet from, int slot, FdmSet to)
    {
        PollDescriptor polled = _sets[(int)from].PolledAt(slot);
        DescriptorState state = _sets[(int)from].StateAt(slot);
        Remove(new Place(from, slot));
        Put(to, polled, state with { Counter = n - 2 });
    }

    private void Put(FdmSet set, PollDescriptor polled, in DescriptorState state)
        => _places[polled.Descriptor] = new Place(set, _sets[(int)set].Add(polled, state));

    private void Remove(Place place)
    {
        int moved = _sets[(int)place.Set].RemoveAt(place.Slot);
        if (moved >= 0)
        {
            _places[moved] = place;
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Place(FdmSet Set, int Slot);
}
