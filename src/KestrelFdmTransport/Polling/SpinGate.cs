using System;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// Decides whether it is worth polling for a few microseconds before blocking. A faster predictor than the live counter: a
/// connection is <i>fast</i> after four short gaps in a row, and one long gap ends that.
/// </summary>
/// <remarks>
/// A spin that finds nothing ends the epoch: every connection must prove itself again, so four short gaps buy at most
/// one useless spin. A spin during which the thread was preempted closes the gate for a while: there is no CPU to spare.
/// </remarks>
internal sealed class SpinGate
{
    internal const byte PromoteAfter = 4;

    private ushort _epoch;
    private int _fast;
    private long _closedUntil;

    internal bool IsOpen(long now) => _fast > 0 && now >= _closedUntil;

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
        else if (counter.FastStreak < PromoteAfter && ++counter.FastStreak == PromoteAfter)
        {
            _fast++;
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

    internal void Missed()
    {
        _epoch++;
        _fast = 0;
    }

    internal void Preempted(long now, long pause)
    {
        Missed();
        _closedUntil = now + pause;
    }
}
