using System;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Decides whether a loop that only dispatches should wake up without taking the CPU from whoever runs there. Where that is mostly a
/// thread that works off what the loop has dispatched, being quick only breaks up its work: the loop finds one request at a time, and both
/// pay for a switch.
/// </summary>
/// <remarks>
/// The process's involuntary switches tell: about one for each waking of its loops means that it is our own threads that are put aside. Beside
/// another process's computing there are fewer, and there the loop must be quick. While the rule holds they do not tell any more; then it must be
/// worth it, the loop must wait for a CPU for no longer than what the process has used of it explains, and now and then the rule is given up for
/// a window to see.
/// </remarks>
internal sealed class WakeupPreemption
{
    /// <summary>Seldom woken, a loop loses little. For a window of a twentieth of a second.</summary>
    internal const int MinWakes = 50;

    /// <summary>At least so many events for each waking are the gain.</summary>
    private const int MinEventsPerWake = 2;

    /// <summary>Windows after which the rule must prove itself again.</summary>
    internal const int MaxWindows = 64;

    /// <summary>Windows in which it is not tried again after others than ourselves have kept the loop waiting.</summary>
    internal const int CooldownWindows = 256;

    /// <summary>Windows over which it is looked at who has kept the loop waiting: one alone says little.</summary>
    internal const int EvaluationWindows = 8;

    /// <summary>Windows in which it is not tried again after it has brought no gain; twice as many each time.</summary>
    private const int MaxGainCooldown = 64 * MaxWindows;

    private long _allWakes;
    private long _preemptions = -1;
    private long _cpuTime;
    private long _runDelay;
    private int _tried;
    private int _left;
    private int _gainCooldown = MaxWindows;

    internal bool AvoidsPreemption => _left > 0;

    /// <summary>
    /// True if a window has to be ended with <see cref="Measure"/>. Else it is over: nothing that the figures could say would change anything, and to learn them
    /// costs the more, the more threads the process has.
    /// </summary>
    /// <param name="wakes">How often the loop was woken in this window, if it only dispatches.</param>
    internal bool NeedsSample(int wakes)
    {
        if (_left > 0 || (_left == 0 && wakes >= MinWakes))
        {
            return true;
        }

        _left = Math.Min(_left + 1, 0);
        _preemptions = -1;
        return false;
    }

    /// <summary>Ends a window.</summary>
    internal void Measure(in WakeupSample figures)
    {
        long allWakes = figures.AllWakes - _allWakes;
        long preemptions = _preemptions < 0 ? 0 : figures.Preemptions - _preemptions;
        _allWakes = figures.AllWakes;
        _preemptions = figures.Preemptions;
        if (_left > 0)
        {
            _left = IsKeptByOthers(figures) ? -CooldownWindows
                : figures.Events >= MinEventsPerWake * Math.Max(figures.Wakes, MinWakes) ? _left - 1
                : -CoolDownWithoutGain();
        }
        else if (_left < 0)
        {
            _left++;
        }
        else if (figures.Wakes >= MinWakes && preemptions * 4 >= allWakes)
        {
            _left = MaxWindows;
            _tried = -1;
        }
    }

    /// <summary>
    /// The process's switches may be those of threads that have nothing to do with requests, and then the rule would be tried again and again. Where it has brought something
    /// for a while, it may soon do so again.
    /// </summary>
    private int CoolDownWithoutGain()
    {
        if (MaxWindows - _left >= EvaluationWindows)
        {
            _gainCooldown = MaxWindows;
            return 0;
        }

        int rest = _gainCooldown;
        _gainCooldown = Math.Min(2 * rest, MaxGainCooldown);
        return rest;
    }

    /// <summary>Three quarters, because whoever shares its CPUs with the clients waits for those, too.</summary>
    private bool IsKeptByOthers(in WakeupSample figures)
    {
        bool over = _tried == EvaluationWindows;
        bool kept = over && figures.CpuTime - _cpuTime < (figures.RunDelay - _runDelay) / 4 * 3;
        if (over || _tried < 0)
        {
            _cpuTime = figures.CpuTime;
            _runDelay = figures.RunDelay;
            _tried = 0;
        }

        _tried++;
        return kept;
    }
}
