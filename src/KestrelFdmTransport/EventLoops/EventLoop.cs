using System;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>One epoll instance, the sources in it, and the thread that owns both at the moment.</summary>
/// <remarks>
/// What an iteration has yet to do lives in fields and queues, never on the stack: a callback may lose the loop to a
/// standby thread, which goes on with the same step. Only the owner touches this state, save for the command queue, the
/// waker and the statistics. After a call that returns false the loop is lost, and the calling thread touches nothing
/// of it.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "The owner disposes what belongs to the loop when it ends.")]
internal sealed partial class EventLoop : IBalancedLoop, IHandoffTarget, IWaitingLoop
{
    private readonly ILogger _logger;
    private readonly Poller _poller;
    private readonly LoopSources _sources;
    private readonly LoopWait _wait;
    private readonly LoopMigration _migration;
    private readonly AfterStop _afterStop;
    private readonly CommandQueue<IoSource> _commands = new();
    private readonly StallBudget _stalls = new();
    private readonly ManualResetEventSlim _stopped = new();
    private volatile bool _stopRequested;

    internal EventLoop(int index, EventLoopGroup group, EventLoopSettings settings, ILogger logger)
    {
        Index = index;
        Name = "fdm-loop-" + index.ToString(CultureInfo.InvariantCulture);
        Group = group;
        AllowsHandoff = settings.AllowsHandoff;
        StallThreshold = settings.StallThreshold;
        Now = Stopwatch.GetTimestamp();
        Utilization = new LoopUtilization(this, Now);
        _logger = logger;
        var predictor = new SpinPredictor();
        Sets = new PollingSets(settings.Policy, predictor);
        _poller = new Poller(Name, logger);
        try
        {
            _sources = new LoopSources(this, _poller, Sets);
            _wait = new LoopWait(this, _poller, Utilization, Scheduler.Backlog, group.Spins, predictor);
            _migration = new LoopMigration(this, Sets);
            _afterStop = new AfterStop(this, _commands, _sources, logger);
            FaultPoints.Hit(FaultPoint.LoopMade);
        }
        catch
        {
            CloseDescriptors();
            throw;
        }
    }

    public int Index { get; }

    public string Name { get; }

    internal EventLoopGroup Group { get; }

    internal CallbackScheduler Scheduler => Group.Scheduler;

    internal PollingSets Sets { get; }

    internal LoopCounters Counters { get; } = new();

    public LoopUtilization Utilization { get; }

    public int ConnectionCount => Counters.Connections;

    public long Accepts => Counters.Accepts;

    /// <summary>The highest number of a descriptor that the loop has taken for itself.</summary>
    internal int HighestDescriptor => _poller.HighestDescriptor;

    /// <summary>True if a standby thread may take the loop over from a callback that holds it.</summary>
    public bool AllowsHandoff { get; private set; }

    public TimeSpan StallThreshold { get; }

    /// <summary>How often a standby thread has taken the loop over from a callback.</summary>
    internal long Stalls => _stalls.Count;

    /// <summary>True while callbacks have held this loop so often that none runs on it.</summary>
    public bool IsStalling => _stalls.IsSpent(Now);

    /// <summary>True on the thread that owns the loop, and outside callbacks only.</summary>
    public bool IsOwnedByCurrentThread => LoopThread.Owns(this);

    /// <summary>True once the loop has ended because of its own exception.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>True while the kernel refuses to wake the loop. Any thread.</summary>
    internal bool CannotBeWoken => _poller.Waker.IsRefused;

    /// <summary>True once the loop takes no source any more.</summary>
    internal bool IsEnding => _stopping != NotStopping;

    /// <summary>When the loop was started in place of one that had failed; null for a first one.</summary>
    internal long? RestartedAt { get; init; }

    /// <summary>When the loop last polled, in <see cref="Stopwatch"/> ticks.</summary>
    internal long Now { get; private set; }

    /// <summary>Asserts that the caller is the owner of the loop, or that the loop has none any more.</summary>
    [Conditional("DEBUG")]
    internal void AssertOwner()
        => Debug.Assert(
            IsOwnedByCurrentThread || HasFailed || _afterStop.HasBegun,
            "This belongs to the loop's owner.");

    // For the sources; LoopSources, LoopMigration and Poller say what these do.
    internal int Register(IoSource source, int fd, uint events) => _sources.Register(source, fd, events);

    internal bool TryTakeSlot(IoSource source) => _sources.TryTakeSlot(source);

    internal void Deregister(IoSource source) => _sources.Deregister(source);

    internal int Rearm(int descriptor, uint events, ulong token) => _poller.Add(descriptor, events, token);

    internal int ProbeDescriptor() => Group.Headroom.Probe(_poller);

    internal int Disarm(int descriptor) => _poller.Remove(descriptor);

    internal void EnqueueAccepted(IoSource source, uint events) => _sources.EnqueueAccepted(source, events);

    internal void Requeue(IoSource source) => _sources.Requeue(source);

    internal void SetTimer(IoSource source, TimeSpan delay, bool isCoarse = false)
        => _sources.SetTimer(source, delay, isCoarse);

    internal void CloseAtEndOfIteration(IoSource source) => _sources.CloseAtEndOfIteration(source);

    internal bool TryMigrateTo(IoSource source, EventLoop destination) => _migration.TryMigrateTo(source, destination);

    internal IoSource? SourceBelow(ref int end) => _sources.Below(ref end);

    public bool TryDispatch(Handoff handoff) => Scheduler.Standbys.TryDispatch(handoff);

    /// <summary>Queues a source that has commands, and wakes the loop if it sleeps. Any thread.</summary>
    internal void Deliver(IoSource source)
    {
        _commands.Push(source);
        _poller.Waker.WakeIfSleeping();
        if (_afterStop.HasBegun)
        {
            _afterStop.QueueDrain();
        }
    }

    /// <summary>
    /// Connections of the endpoint may come. If it is adaptive, every callback that holds this loop can lose it from
    /// now on, because the endpoint's connections would wait for any of them.
    /// </summary>
    internal void AllowHandoffsFor(EndpointProfile endpoint)
    {
        AssertOwner();
        AllowsHandoff |= endpoint.IsAdaptive;
    }

    /// <summary>Ends the loop and every source in it. Any thread.</summary>
    internal void RequestStop()
    {
        _stopRequested = true;
        Interlocked.MemoryBarrier();
        _poller.Waker.WakeIfSleeping();
    }

    /// <summary>Waits for the end of the loop.</summary>
    /// <returns>False if the owner is still inside a callback when the time is up.</returns>
    internal bool Join(TimeSpan timeout)
    {
        try
        {
            return LoopThread.Serves(this) || _stopped.Wait(timeout);
        }
        catch (ThreadInterruptedException)
        {
            // The caller has other loops and threads to stop. The interrupt is the application's, and stays pending for
            // it.
            Thread.CurrentThread.Interrupt();
            return false;
        }
    }

    internal void OnConnectionOpened()
    {
        Group.OnConnectionOpened();
        Counters.AddConnection();
    }

    internal void OnConnectionClosed()
    {
        Counters.RemoveConnection();
        Group.OnConnectionClosed();
    }

    /// <summary>
    /// A connection goes from this loop to another one of the group, whose number of connections stays the same.
    /// </summary>
    internal void OnConnectionMigrated(EventLoop destination)
    {
        destination.Counters.AddConnection();
        Counters.RemoveConnection();
    }

    /// <summary>Gives back what the loop has taken, if there is no thread to run it.</summary>
    internal void CloseDescriptors() => _poller.Dispose();
}
