using System;
using System.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <content>How much the loop has to do, and what it gives to others.</content>
internal sealed partial class EventLoop
{
    /// <summary>
    /// A few times a second: how much there is to do here, and whether another loop should have some of it.
    /// </summary>
    private void Balance()
    {
        long now = Stopwatch.GetTimestamp();
        bool moves = _group.Balancer.IsEnabled;
        _utilization.Measure(now, _sets, moves ? ThreadCpuTime() : -1);
        _migrationBudget = moves && !_ending ? _group.Balancer.PlanMigrations(this, now, out _migrationTarget) : 0;
    }

    /// <summary>
    /// What the calling thread has had of a CPU since the last window, in clock ticks; negative if the loop was another
    /// thread's then.
    /// </summary>
    private long ThreadCpuTime()
    {
        long before = _cpuTime;
        int owner = _cpuTimeOf;
        _cpuTime = Sys.GetThreadUsage().CpuTime;
        _cpuTimeOf = Environment.CurrentManagedThreadId;
        return owner == _cpuTimeOf ? (_cpuTime - before) / (1_000_000_000 / Stopwatch.Frequency) : -1;
    }

    /// <summary>After its serve: a hot connection with nothing under way goes to a loop that has less to do.</summary>
    private void TryMigrate(IoSource source, int slot)
    {
        LiveCounter counter = _sets.Counter(slot);
        if (!counter.Queued
            && counter.Value >= PollingPolicy.CounterHot
            && !_migrationTarget!.Utilization.IsStuck(Stopwatch.GetTimestamp())
            && TryMigrateTo(source, _migrationTarget))
        {
            _migrationBudget--;
        }
    }

    /// <summary>Gives the source to another loop if nothing is under way. Owner only.</summary>
    internal bool TryMigrateTo(IoSource source, EventLoop destination)
    {
        source.FirstCounter = _sets.Counter((int)(uint)source.Token).Value;
        if (destination.HasFailed || !source.TryMigrateTo(destination))
        {
            return false;
        }

        _migrated = true;
        Migrations++;
        return true;
    }
}
