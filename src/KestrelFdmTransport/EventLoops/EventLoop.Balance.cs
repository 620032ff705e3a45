using System;
using System.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <content>How much the loop has to do, and what it gives to others.</content>
internal sealed partial class EventLoop
{
    /// <summary>A few times a second: how much there is to do here, and whether another loop should have some of it.</summary>
    private void Balance()
    {
        long now = Stopwatch.GetTimestamp();
        bool moves = _group.Balance.Moves;
        _load.Measure(now, _sets, moves ? OwnCpuTime() : -1);
        MeasureWakes(now);
        _emigrants = moves && !_ending ? _group.Balance.Emigrants(this, now, out _destination) : 0;
    }

    /// <summary>What the calling thread has had of a CPU since the last window, in clock ticks; negative if the loop was another thread's then.</summary>
    private long OwnCpuTime()
    {
        long before = _cpuTime;
        int owner = _cpuTimeOf;
        _cpuTime = Sys.OwnUsage().CpuTime;
        _cpuTimeOf = Environment.CurrentManagedThreadId;
        return owner == _cpuTimeOf ? (_cpuTime - before) / (1_000_000_000 / Stopwatch.Frequency) : -1;
    }

    private void MeasureWakes(long now)
    {
        _group.CountWakes(_wakes);
        if (_wakeRule.NeedsFigures(OnlyDispatches ? _wakes : 0))
        {
            if (_wakeRule.IsGentle && OnlyDispatches)
            {
                _runDelay = Sys.ThreadRunDelay();
            }

            GroupUsage usage = _group.Usage(now);
            _wakeRule.Measure(new WakeFigures(
                _wakes, _wokenFor, usage.Wakes, usage.Process.Preemptions, usage.Process.CpuTime / Environment.ProcessorCount, _runDelay));
        }

        _wakes = 0;
        _wokenFor = 0;
    }

    /// <summary>After its serve: a hot connection with nothing under way goes to a loop that has less to do.</summary>
    private void TryEmigrate(IoSource source, int slot)
    {
        LiveCounter counter = _sets.Counter(slot);
        if (!counter.Queued && counter.Value >= PollingRules.CounterHot && !_destination!.Load.IsStuck(Stopwatch.GetTimestamp()) && TryMove(source, _destination))
        {
            _emigrants--;
        }
    }

    /// <summary>Gives the source to another loop if nothing is under way. Owner only.</summary>
    internal bool TryMove(IoSource source, EventLoop destination)
    {
        source.FirstCounter = _sets.Counter((int)(uint)source.Payload).Value;
        if (destination.HasFailed || !source.TryMove(destination))
        {
            return false;
        }

        _moved = true;
        Moves++;
        return true;
    }
}
