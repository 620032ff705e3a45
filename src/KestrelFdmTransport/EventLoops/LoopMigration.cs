using System;
using System.Diagnostics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Measures how busy a loop is, and gives hot connections to a loop that has less to do.</summary>
/// <remarks>Belongs to the loop's owner.</remarks>
internal sealed class LoopMigration(EventLoop loop, PollingSets sets)
{
    private EventLoop? _destination;
    private int _budget;
    private long _cpuTime;
    private int _cpuTimeOwner;
    private bool _hasMigrated;

    /// <summary>True if the loop should give connections away in this window.</summary>
    internal bool IsPlanned => _budget > 0;

    /// <summary>Ends a window: measures, and plans what another loop should have of this loop's connections.</summary>
    internal void EndWindow()
    {
        loop.AssertOwner();
        long now = Stopwatch.GetTimestamp();
        bool migrates = loop.Group.Balancer.IsEnabled;
        loop.Utilization.Measure(now, sets.Measure(now), migrates ? MeasureCpuTime() : -1);
        _budget = migrates && !loop.IsEnding ? loop.Group.Balancer.PlanMigrations(loop, now, out _destination) : 0;
    }

    /// <summary>
    /// Gives a source away that has just been dispatched, if it is hot and the destination is not stuck.
    /// </summary>
    internal void TryMigrate(IoSource source, int slot)
    {
        LiveCounter counter = sets.Counter(slot);
        if (!counter.Queued
            && counter.Value >= PollingPolicy.CounterHot
            && !_destination!.Utilization.IsStuck(Stopwatch.GetTimestamp())
            && TryMigrateTo(source, _destination))
        {
            _budget--;
        }
    }

    /// <summary>Gives the source to another loop if nothing is under way.</summary>
    internal bool TryMigrateTo(IoSource source, EventLoop destination)
    {
        loop.AssertOwner();
        source.FirstCounter = sets.Counter((int)(uint)source.Token).Value;
        try
        {
            if (destination.HasFailed
                || source is not IMigratable<EventLoop> migrating
                || !migrating.TryMigrateTo(destination))
            {
                return false;
            }
        }
        catch (Exception) when (source.Loop == loop)
        {
            // It stays where it is, and so do the others of this window.
            _budget = 0;
            return false;
        }

        _hasMigrated = true;
        loop.Counters.Migrations++;
        return true;
    }

    /// <summary>True once after connections have left.</summary>
    internal bool TakeHasMigrated()
    {
        bool migrated = _hasMigrated;
        _hasMigrated = false;
        return migrated;
    }

    /// <summary>
    /// The CPU time of the loop's thread since the last window, in clock ticks; -1 if another thread owned the loop
    /// then.
    /// </summary>
    private long MeasureCpuTime()
    {
        long before = _cpuTime;
        int owner = _cpuTimeOwner;
        _cpuTime = Sys.GetThreadUsage().CpuTime;
        _cpuTimeOwner = Environment.CurrentManagedThreadId;
        return owner == _cpuTimeOwner ? StopwatchTime.Ticks(_cpuTime - before) : -1;
    }
}
