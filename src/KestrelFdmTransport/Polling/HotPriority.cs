using System;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// By how much a hot connection counts as one that came earlier: see <see cref="PollingPolicy.HotPriorityCost"/>.
/// CompletionFlags by the last thousand serves or so.
/// </summary>
internal sealed class HotPriority(PollingPolicy rules)
{
    private const int RememberedServes = 1024;

    private long _turnBegan;
    private long _lastServed;
    private int _turnServes;
    private long _serveTime;
    private int _serves;
    private int _hotServes;

    /// <summary>In clock ticks; zero as long as nothing is known.</summary>
    internal long Ticks { get; private set; }

    internal void Served(PollingSet set, long now)
    {
        _lastServed = now;
        _turnServes++;
        _hotServes += set == PollingSet.Hot ? 1 : 0;
    }

    internal void BeginTurn(long now)
    {
        if (_turnServes > 0)
        {
            CountTurn();
        }

        _turnBegan = now;
    }

    private void CountTurn()
    {
        // Up to the limit of the advantage: a serve that held the loop for long, or was preempted, says little of the
        // others.
        _serveTime += Math.Clamp(_lastServed - _turnBegan, 0, _turnServes * rules.MaxHotPriority);
        _serves += _turnServes;
        _turnServes = 0;
        Ticks = Math.Min(rules.MaxHotPriority, (long)(rules.HotPriorityCost * _serveTime / Math.Max(1, _hotServes)));
        if (_serves >= RememberedServes)
        {
            _serveTime /= 2;
            _serves /= 2;
            _hotServes /= 2;
        }
    }
}
