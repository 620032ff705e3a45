using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The sources of a loop: their slots, their places in the ready queues, their timers, and those that are to close.
/// </summary>
/// <remarks>Belongs to the loop's owner, save where it says otherwise.</remarks>
internal sealed class LoopSources(EventLoop loop, Poller poller, PollingSets sets)
{
    private static readonly long s_coarse = Stopwatch.Frequency / 10;

    private readonly SlotTable<IoSource> _slots = new();
    private readonly List<IoSource> _closing = [];

    /// <summary>True if there was no memory for the place of a source in a ready queue.</summary>
    private bool _hasUnqueued;

    internal TimerQueue<IoSource> Timers { get; } = new();

    internal bool HasClosing => _closing.Count > 0;

    internal bool IsEmpty => _slots.Count == 0 && !HasClosing;

    /// <summary>Adds a source to the slot table and its descriptor to the epoll.</summary>
    /// <returns>Zero, or a negated error number with nothing registered.</returns>
    internal int Register(IoSource source, int descriptor, uint events)
    {
        if (!TryTakeSlot(source))
        {
            return -Errno.EBADF;
        }

        int result = poller.Add(descriptor, events, source.Token);
        if (result < 0)
        {
            Deregister(source);
        }

        return result;
    }

    /// <summary>
    /// Gives a source its slot before there is anything to watch. Every source with a slot learns that the loop ends.
    /// </summary>
    /// <returns>False if the loop is ending.</returns>
    internal bool TryTakeSlot(IoSource source)
    {
        loop.AssertOwner();
        if (loop.IsEnding)
        {
            return false;
        }

        FaultPoints.Hit(FaultPoint.SlotTaken);
        source.Token = _slots.Add(source);
        try
        {
            FaultPoints.Hit(FaultPoint.SourceCounted);
            sets.Register((int)(uint)source.Token, loop.Now, source.FirstCounter);
        }
        catch
        {
            _slots.Remove(source.Token);
            throw;
        }

        return true;
    }

    /// <summary>Frees the slot. Queue entries and events that still carry its generation are dropped.</summary>
    internal void Deregister(IoSource source)
    {
        loop.AssertOwner();
        Timers.Clear(source);
        sets.Deregister((int)(uint)source.Token);
        _slots.Remove(source.Token);
    }

    internal IoSource? Find(ulong token) => _slots.Find(token);

    /// <summary>As <see cref="SlotTable{T}.Below"/>. Any thread.</summary>
    internal IoSource? Below(ref int end) => _slots.Below(ref end);

    internal bool Contains(IoSource source) => _slots.Find(source.Token) == source;

    /// <summary>
    /// Queues a source that has just been registered for this iteration, if other sources would keep it waiting.
    /// </summary>
    /// <param name="events">What is probably ready, although no event has said so.</param>
    internal void EnqueueAccepted(IoSource source, uint events)
    {
        loop.AssertOwner();
        if (sets.EnqueueAccepted(source.Token, loop.Now))
        {
            source.PendingEvents |= events;
        }
    }

    /// <summary>Queues a source that has more to do than one dispatch allows.</summary>
    internal void Requeue(IoSource source)
    {
        loop.AssertOwner();
        try
        {
            sets.Requeue(source.Token, loop.Now);
        }
        catch (OutOfMemoryException)
        {
            OnUnqueued(source);
        }
    }

    /// <summary>Queues the sources that have events.</summary>
    internal void QueueReady(int count)
    {
        loop.AssertOwner();
        for (int i = 0; i < count; i++)
        {
            if (!poller.IsSource(i, out ulong token) || _slots.Find(token) is not { } source)
            {
                continue;
            }

            uint events = poller.Events(i);
            source.PendingEvents |= events;
            if ((events & ~EpollFlags.Out) == 0)
            {
                // Room to send, which also comes with every registration: the peer has said nothing.
                Requeue(source);
                continue;
            }

            try
            {
                sets.Arrived(token);
            }
            catch (OutOfMemoryException)
            {
                OnUnqueued(source);
            }
        }
    }

    /// <summary>Queues the sources for which there was no memory before.</summary>
    internal void QueueUnqueued()
    {
        if (!_hasUnqueued)
        {
            return;
        }

        _hasUnqueued = false;
        int end = int.MaxValue;
        while (_slots.Below(ref end) is { } source)
        {
            if (source.IsUnqueued)
            {
                source.IsUnqueued = false;
                Requeue(source);
            }
        }
    }

    /// <summary>Calls <see cref="IoSource.OnTimer"/> once, in a later iteration.</summary>
    /// <param name="source">The source. It has one timer, which this replaces.</param>
    /// <param name="delay">The time until then. One that no clock reaches is for ever.</param>
    /// <param name="isCoarse">True to end it with a tenth of a second: the loop wakes once for many.</param>
    internal void SetTimer(IoSource source, TimeSpan delay, bool isCoarse)
    {
        loop.AssertOwner();
        FaultPoints.Hit(FaultPoint.TimerSet);
        double due = Stopwatch.GetTimestamp() + (delay.TotalSeconds * Stopwatch.Frequency);
        if (isCoarse)
        {
            due = Math.Ceiling(due / s_coarse) * s_coarse;
        }

        Timers.Set(source, due < long.MaxValue ? Math.Max((long)due, loop.Now + 1) : long.MaxValue);
    }

    /// <summary>The time until the next timer in milliseconds, -1 if there is none.</summary>
    internal int MillisecondsUntilTimer(long now)
    {
        long ticks = Timers.Until(now);
        return ticks <= 0 ? (int)ticks : (int)Math.Min((ticks / (Stopwatch.Frequency / 1000)) + 1, int.MaxValue);
    }

    /// <summary>Closes the source after the last event of the iteration.</summary>
    internal void CloseAtEndOfIteration(IoSource source)
    {
        loop.AssertOwner();
        try
        {
            FaultPoints.Hit(FaultPoint.CloseQueued);
            _closing.Add(source);
        }
        catch (OutOfMemoryException)
        {
            // It has to be closed all the same, and a command takes no memory: the next iteration tries again.
            source.Post(LoopCommand.Close);
        }
    }

    internal bool TryTakeClosing([NotNullWhen(true)] out IoSource? source)
    {
        if (!HasClosing)
        {
            source = null;
            return false;
        }

        source = _closing[^1];
        _closing.RemoveAt(_closing.Count - 1);
        return true;
    }

    /// <summary>
    /// The next source that learns of the loop's end: those with a slot, and then those that have only a deadline, such
    /// as a listen socket that the epoll has not taken yet.
    /// </summary>
    /// <param name="end">The sources in slots below this one are left.</param>
    internal IoSource? NextToStop(ref int end)
    {
        IoSource? source = _slots.Below(ref end);
        while (source is null && Timers.TryTakeDue(long.MaxValue, out IoSource? waiting))
        {
            source = Contains(waiting) ? null : waiting;
        }

        return source;
    }

    /// <summary>There is no memory for the place of the source in a queue. The next poll looks for it.</summary>
    private void OnUnqueued(IoSource source)
    {
        source.IsUnqueued = true;
        _hasUnqueued = true;
    }
}
