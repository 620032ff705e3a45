using System;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// Decides whether a loop that only dispatches should wake up without taking the CPU from whoever runs there. Where that is mostly a
/// thread that works off what the loop has dispatched, being quick only breaks up its work: the loop finds one request at a time, and both
/// pay for a switch.
/// </summary>
/// <remarks>
/// The process's involuntary switches tell: about one for each waking of the loop means that it is our own threads that are put aside. Beside
/// another process's computing there are none, and there the loop must be quick. While the rule holds they do not tell any more; then it must at
/// least be worth it, and now and then it is given up for a window to see.
/// </remarks>
internal sealed class WakeRule
{
    /// <summary>Seldom woken, a loop loses little. For a window of a twentieth of a second.</summary>
    internal const int FewWakes = 50;

    /// <summary>At least so many events for each waking are the gain.</summary>
    private const int Gain = 2;

    /// <summary>Windows after which the rule must prove itself again.</summary>
    internal const int Term = 64;

    private long _preemptions = -1;
    private int _left;

    internal bool IsGentle => _left > 0;

    /// <summary>Ends a window.</summary>
    /// <param name="wakes">How often the loop was woken in it.</param>
    /// <param name="events">The events that it was woken for.</param>
    /// <param name="preemptions">How often threads of the process have lost their CPU so far.</param>
    internal void Measure(int wakes, long events, long preemptions)
    {
        long before = _preemptions;
        _preemptions = preemptions;
        if (_left > 0)
        {
            _left = events >= Gain * Math.Max(wakes, FewWakes) ? _left - 1 : 0;
        }
        else if (wakes >= FewWakes && before >= 0 && (preemptions - before) * 2 >= wakes)
        {
            _left = Term;
        }
    }
}
