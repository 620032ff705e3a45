using System;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// Predicts whether polling for a few microseconds before blocking will find an event. A connection is <i>fast</i>
/// after four short gaps in a row, until one long gap.
/// </summary>
/// <remarks>
/// A spin that finds nothing ends the epoch: every connection must prove itself again. Each such spin doubles the
/// number of short gaps that the next one needs, and each success halves it. So where spinning does not pay, as on a
/// CPU that the client needs, it stops after some dozen attempts. A spin during which the thread was preempted closes
/// the gate for a while.
/// </remarks>
internal sealed class SpinPredictor
{
    internal const byte PromoteAfter = 4;

    /// <summary>With this many short gaps per useless spin, spinning costs a thousandth of the time.</summary>
    private const int MaxSpins = 1 << 16;

    private int _asked = PromoteAfter;
    private int _seen;
    private ushort _epoch;
    private int _fast;
    private long _closedUntil;

    internal bool IsOpen(long now) => _fast > 0 && _seen >= _asked && now >= _closedUntil;

    internal void Observe(ref LiveCounter counter, long gap, long fastGap)
    {
        if (counter.FastEpoch != _epoch)
        {
            counter.FastEpoch = _epoch;
            counter.FastStreak = 0;
        }

        if (gap >= fastGap)
        {
            Forget(ref counter);
        }
        else
        {
            _seen = Math.Min(_seen + 1, MaxSpins);
            if (counter.FastStreak < PromoteAfter && ++counter.FastStreak == PromoteAfter)
            {
                _fast++;
            }
        }
    }

    internal void Forget(ref LiveCounter counter)
    {
        if (counter.FastStreak == PromoteAfter && counter.FastEpoch == _epoch)
        {
            // Below zero only if a slot slept through exactly 65,536 epochs.
            _fast = Math.Max(0, _fast - 1);
        }

        counter.FastStreak = 0;
    }

    /// <summary>A spin has found an event.</summary>
    /// <param name="undisturbed">False if the thread lost its CPU meanwhile: the client needed it.</param>
    internal void Found(bool undisturbed)
    {
        if (undisturbed)
        {
            _asked = Math.Max(_asked / 2, PromoteAfter);
        }
        else
        {
            Missed();
        }
    }

    /// <summary>A spin has found nothing.</summary>
    internal void Missed()
    {
        _epoch++;
        _fast = 0;
        _seen = 0;
        _asked = Math.Min(_asked * 2, MaxSpins);
    }

    internal void OnPreempted(long now, long pause)
    {
        Missed();
        _closedUntil = now + pause;
    }
}
