using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>One epoll instance, the sources in it, and the thread that owns both at the moment.</summary>
/// <remarks>
/// What an iteration has yet to do lives in fields and queues, never on the stack: a callback may lose the loop to a
/// standby thread, which goes on with the same step. Only the owner touches this state, save for the command queue, the
/// sleep word and the statistics. After a call that returns false the loop is lost, and the calling thread touches
/// nothing of it.
/// </remarks>
[SuppressMessage(
    "Design", "CA1001", Justification = "The loop's owner disposes what belongs to it when it ends; nobody else may.")]
internal sealed partial class EventLoop : IBalancedLoop
{
    private const int MaxEvents = 512;
    private const ulong WakePayload = ulong.MaxValue;
    private const int StepsPerIteration = 7;
    private static readonly long s_preemptedAfter = Stopwatch.Frequency / 2_000;
    private static readonly long s_spinCooldown = Stopwatch.Frequency / 100;

    /// <summary>A loop that has run nothing itself for so many turns only dispatches.</summary>
    private const int DispatchOnlyAfter = 8;

    /// <summary>An event that is there after so short a sleep was there before it.</summary>
    private static readonly long s_immediate = Stopwatch.Frequency / 200_000;

    /// <summary>
    /// One look for events takes a microsecond or less. If it has taken so long, others have had the CPU meanwhile.
    /// </summary>
    private static readonly long s_preempted = Stopwatch.Frequency / 100_000;

    private static readonly TimeSpan s_wakeRetry = TimeSpan.FromMilliseconds(1);

    private readonly EventLoopGroup _group;
    private readonly ILogger _logger;
    private readonly SafeFileDescriptor _epoll;
    private readonly SafeFileDescriptor _wake;
    private readonly EpollEventBuffer _events = new(MaxEvents);
    private readonly SlotTable _slots = new();
    private readonly SpinPredictor _spinPredictor = new();
    private readonly PollingSets _sets;
    private readonly CommandQueue _commands = new();
    private readonly TimerQueue _timerQueue = new();
    private readonly List<IoSource> _closing = [];
    private readonly long _spinTicks;
    private readonly ManualResetEventSlim _stopped = new();
    private readonly StallBudget _stalls = new();
    private readonly LoopUtilization _utilization = new();

    // The two sides of every wake-up: a poster pushes its command and then reads this word; the loop writes it and then
    // looks into the command queue. Both orders are full fences, so command that the loop misses finds a loop that is
    // seen to sleep.
    private int _sleeping;
    private int _wakeFailureLogged;

    /// <summary>The step of the iteration that runs next: a new owner goes on with it.</summary>
    private int _step;

    /// <summary>The source that the loop calls at the moment; what is thrown meanwhile costs the source.</summary>
    private IoSource? _current;
    private IoSource? _commandsInProgress;

    /// <summary>
    /// The sources in slots below this one have yet to learn that the loop stops; -1 if there are none.
    /// </summary>
    private int _stopping = -1;

    // Turns in which no callback ran here, and what there was to know of a rest behind the backlog.
    private int _iterationsWithoutInlineCallback;
    private int _lastStarted;
    private long _sleptForBacklog;

    // When the last window ended: what the thread had used, and which one it was.
    private long _cpuTime;
    private int _cpuTimeOf;

    // Connections that are to move to another loop.
    private EventLoop? _migrationTarget;
    private int _migrationBudget;
    private bool _migrated;

    private long _now;
    private int _connectionCount;
    private int _hasStopped;

    /// <summary>Not zero while a thread reads the command of this loop, which has ended.</summary>
    private int _drainingAfterStop;
    private volatile bool _stopRequested;
    private bool _ending;

    internal EventLoop(int index, EventLoopGroup group, EventLoopSettings settings, ILogger logger)
    {
        Index = index;
        Name = "fdm-loop-" + index.ToString(System.Globalization.CultureInfo.InvariantCulture);
        _group = group;
        _logger = logger;
        _sets = new PollingSets(settings.Policy, _spinPredictor);
        _spinTicks = settings.SpinDuration.Ticks * (Stopwatch.Frequency / TimeSpan.TicksPerSecond);
        _now = Stopwatch.GetTimestamp();
        AllowsHandoff = settings.AllowsHandoff;
        StallThreshold = settings.StallThreshold;
        _epoll = Open(Sys.EpollCreate());
        try
        {
            _wake = Open(Sys.CreateEventFd());

            // Edge-triggered and never read: each write is an edge, and the counter cannot overflow in the life of a
            // machine.
            int added = Sys.EpollAdd(_epoll.Value, _wake.Value, EpollFlags.In | EpollFlags.EdgeTriggered, WakePayload);
            if (added < 0)
            {
                throw SocketErrors.Exception(-added);
            }

            FaultPoints.Hit(FaultPoint.LoopMade);
        }
        catch
        {
            CloseDescriptors();
            throw;
        }
    }

    public int Index { get; }

    internal string Name { get; }

    /// <summary>The highest number of a descriptor that the loop has taken for itself.</summary>
    internal int HighestDescriptor => Math.Max(_epoll.Value, _wake.Value);

    /// <summary>The connections of this loop. Any thread may read.</summary>
    public int ConnectionCount => Volatile.Read(ref _connectionCount);

    public long Accepts { get; private set; }

    internal long Offloaded { get; private set; }

    internal long ReadPauses { get; private set; }

    internal long AcceptPauses { get; private set; }

    /// <summary>Connections that this loop has given to others because it had too much to do.</summary>
    internal long Migrations { get; private set; }

    /// <summary>How busy the loop is. Any thread.</summary>
    public LoopUtilization Utilization => _utilization;

    internal long EpollWaits { get; private set; }

    internal long Events { get; private set; }

    internal PollingSets Sets => _sets;

    internal EventLoopGroup Group => _group;

    /// <summary>True if the loop is taken over from a callback that holds it.</summary>
    internal bool AllowsHandoff { get; private set; }

    internal TimeSpan StallThreshold { get; }

    /// <summary>Callbacks that have lost this loop to a standby.</summary>
    internal long Stalls => _stalls.Count;

    /// <summary>
    /// True while callbacks have held this loop so often that none runs on it. Owner, or a callback of this loop.
    /// </summary>
    internal bool IsStalling => _stalls.IsSpent(_now);

    /// <summary>True on the thread that owns the loop, and outside callbacks only.</summary>
    internal bool IsOwnedByCurrentThread => LoopThread.Owns(this);

    /// <summary>True once the loop has ended that should not have. Any thread.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>True once the loop takes no source any more. Owner only.</summary>
    internal bool IsEnding => _ending;

    /// <summary>
    /// When the loop was started in place of one that had failed, in <see cref="Stopwatch"/> ticks; null for a first
    /// one.
    /// </summary>
    internal long? RestartedAt { get; init; }

    /// <summary>The clock as of the last harvest, in <see cref="Stopwatch"/> ticks.</summary>
    internal long Now => _now;

    /// <summary>
    /// What such a loop adds can only wait behind what it has dispatched: it need not hurry, and the pool's threads,
    /// which spin themselves, need the CPU more.
    /// </summary>
    private bool IsDispatchOnly => _iterationsWithoutInlineCallback == DispatchOnlyAfter;

    /// <summary>Adds a source to the slot table and its descriptor to the epoll. Owner only.</summary>
    /// <returns>Zero, or a negated error number with nothing registered.</returns>
    internal int Register(IoSource source, int descriptor, uint events)
    {
        if (!TryTakeSlot(source))
        {
            return -Errno.EBADF;
        }

        int result = Sys.EpollAdd(_epoll.Value, descriptor, events, source.Token);
        if (result < 0)
        {
            Deregister(source);
        }

        return result;
    }

    /// <summary>
    /// Gives a source its slot before there is anything to watch: whatever waits has one, for the end of the loop is
    /// told to all that have. Owner only.
    /// </summary>
    /// <returns>False if the loop is ending.</returns>
    internal bool TryTakeSlot(IoSource source)
    {
        if (_ending)
        {
            return false;
        }

        FaultPoints.Hit(FaultPoint.SlotTaken);
        source.Token = _slots.Add(source);
        try
        {
            FaultPoints.Hit(FaultPoint.SourceCounted);
            _sets.Register((int)(uint)source.Token, _now, source.FirstCounter);
        }
        catch
        {
            _slots.Remove(source.Token);
            throw;
        }

        return true;
    }

    /// <summary>
    /// Frees the slot; queue entries and events that still carry its generation are dropped. Owner only.
    /// </summary>
    internal void Deregister(IoSource source)
    {
        _timerQueue.Clear(source);
        _idleTimers.Clear((int)(uint)source.Token);
        _sets.Deregister((int)(uint)source.Token);
        _slots.Remove(source.Token);
    }

    /// <summary>Adds a descriptor that is registered already to the epoll again. Any thread.</summary>
    internal int Rearm(int descriptor, uint events, ulong token)
        => _epoll.TryAcquire() ? Released(Sys.EpollAdd(_epoll.Value, descriptor, events, token)) : -Errno.EBADF;

    /// <summary>Takes a descriptor out of the epoll; its slot stays. Any thread.</summary>
    internal int Disarm(int descriptor)
        => _epoll.TryAcquire() ? Released(Sys.EpollDelete(_epoll.Value, descriptor)) : -Errno.EBADF;

    /// <summary>
    /// Serves a source that has just been registered in this turn, if others would keep it waiting. Owner only.
    /// </summary>
    /// <param name="source">The source.</param>
    /// <param name="events">What is probably ready, although nobody has said so.</param>
    internal void EnqueueAccepted(IoSource source, uint events)
    {
        if (_sets.EnqueueAccepted(source.Token, _now))
        {
            source.PendingEvents |= events;
        }
    }

    /// <summary>Queues a source that has more to do than one serve allows. Owner only.</summary>
    internal void Requeue(IoSource source) => _sets.Requeue(source.Token, _now);

    /// <summary>
    /// Resumes the source after <paramref name="delay"/>, or when it is resumed otherwise. Never in the pass that is
    /// under way, however short the delay is; a delay that no clock reaches is for ever. Owner only.
    /// </summary>
    internal void ScheduleResume(IoSource source, TimeSpan delay)
    {
        FaultPoints.Hit(FaultPoint.DeadlineSet);
        double due = Stopwatch.GetTimestamp() + (delay.TotalSeconds * Stopwatch.Frequency);
        _timerQueue.Set(source, due < long.MaxValue ? Math.Max((long)due, _now + 1) : long.MaxValue);
    }

    internal void OnConnectionOpened()
    {
        _group.OnConnectionOpened();
        Interlocked.Increment(ref _connectionCount);
    }

    internal void OnConnectionClosed()
    {
        Interlocked.Decrement(ref _connectionCount);
        _group.OnConnectionClosed();
    }

    /// <summary>
    /// A connection goes from this loop to another one of the group, whose number of connections is the same at every
    /// moment.
    /// </summary>
    internal void OnConnectionMigrated(EventLoop destination)
    {
        Interlocked.Increment(ref destination._connectionCount);
        Interlocked.Decrement(ref _connectionCount);
    }

    internal void OnAccepted() => Accepts++;

    /// <summary>On a loop's thread; a stalled one may at worst lose a count.</summary>
    internal void OnOffloaded() => Offloaded++;

    internal void OnReadPaused() => ReadPauses++;

    internal void OnAcceptPaused() => AcceptPauses++;

    /// <summary>Gives back what the loop has taken, if there is no thread to run it.</summary>
    internal void CloseDescriptors()
    {
        _epoll.Dispose();
        _wake?.Dispose();
    }

    /// <summary>Runs the loop until it ends or this thread loses it.</summary>
    /// <param name="thread">The calling thread's.</param>
    /// <param name="handoff">How the calling thread has got the loop; null for the first owner.</param>
    /// <returns>True if the loop has ended, false if another thread owns it now.</returns>
    internal bool Run(LoopThread thread, Handoff? handoff = null)
    {
        try
        {
            if (handoff is not null && !ResumeAfterHandoff(thread, handoff))
            {
                return false;
            }

            while (!IsDone)
            {
                if (!RunIteration(thread))
                {
                    return false;
                }
            }
        }
        catch (Exception exception)
        {
            if (!thread.TryAbandonCallback(this))
            {
                return false;
            }

            // Nobody takes over what is left of it, and nobody caches.
            AllowsHandoff = false;
            HasFailed = true;
            thread.ReleaseLoop(Name);
            _group.OnLoopFailed(this, exception);
            StopEverySource();
        }

        Finish(thread);
        return true;
    }

    /// <summary>
    /// Prepares to go on with an iteration whose owner has lost the loop to the calling thread inside a callback.
    /// </summary>
    /// <returns>False if this thread has lost the loop, too.</returns>
    private bool ResumeAfterHandoff(LoopThread thread, Handoff handoff)
    {
        SyncPoints.Hit(SyncPoint.LoopTaken, this);
        long now = Stopwatch.GetTimestamp();
        _stalls.Add(handoff.Duration, now);
        if (_current is { } source)
        {
            // What the callback's serve left undone is found out by serving the source again.
            _current = null;
            if (_slots.Find(source.Token) == source)
            {
                _sets.OnDispatched((int)(uint)source.Token, now);
                _sets.Requeue(source.Token, now);
            }
        }

        if (handoff.Source is not { } stalled)
        {
            return true;
        }

        stalled.OnStalled(computes: handoff.Verdict != StallVerdict.Blocked);
        return thread.SendFlushed(this, stalled);
    }

    private static SafeFileDescriptor Open(int descriptor)
        => descriptor >= 0 ? new SafeFileDescriptor(descriptor) : throw SocketErrors.Exception(-descriptor);

    private int Released(int result)
    {
        _epoll.Release();
        return result;
    }

    /// <summary>True once the loop has stopped every source and has nothing left to do.</summary>
    private bool IsDone => _ending && _stopping < 0 && _slots.Count == 0 && _closing.Count == 0 && !HasCommands;

    /// <summary>
    /// Runs one iteration. A new owner goes on with the step in which the last one lost the loop: if it began again
    /// instead, slow callbacks of ready sources would starve the steps that follow.
    /// </summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    private bool RunIteration(LoopThread thread)
    {
        Exception fault;
        try
        {
            for (; _step < StepsPerIteration; _step++)
            {
                bool kept = _step switch
                {
                    0 => Poll(),
                    1 => DispatchReady(thread),
                    2 => RunCommands(thread),
                    3 => ExpireTimers(thread),
                    4 => TrimBuffers(thread),
                    5 => CloseEnded(thread),
                    _ => StopSources(thread),
                };
                if (!kept)
                {
                    return false;
                }
            }

            _step = 0;
            return true;
        }
        catch (Exception exception) when (IsOwnedByCurrentThread && _current is not null)
        {
            fault = exception;
        }

        // It costs the source; the step goes on with the next one. Nothing that the source gives back now is cached.
        return Complete(thread, new Completion(Completion.Faulted, null, fault), caching: false);
    }

    private bool DispatchReady(LoopThread thread)
    {
        while (_sets.TryNext(out ulong token))
        {
            if (_slots.Find(token) is { } source && !Dispatch(thread, source, (int)(uint)token))
            {
                return false;
            }
        }

        return true;
    }

    private bool Dispatch(LoopThread thread, IoSource source, int slot)
    {
        // Before anything is read: an event that comes from now on queues the source again.
        _sets.Dequeued(slot);
        uint events = source.PendingEvents;
        source.PendingEvents = 0;
        _current = source;
        long served;
        while (true)
        {
            Completion completion = source.OnReady(events);
            if (completion.IsEmpty || source.TryQueueCallbacks(completion))
            {
                served = Stopwatch.GetTimestamp();
                break;
            }

            if (!RunCallbacks(thread, source, completion))
            {
                return false;
            }

            served = thread.EndedAt;
            if (!completion.HasFlag(Completion.NeedsBuffer))
            {
                break;
            }

            events = 0;
        }

        _current = null;
        _sets.OnDispatched(slot, served);
        if (_migrationBudget > 0)
        {
            TryMigrate(source, slot);
        }

        return true;
    }

    /// <summary>Runs the callbacks of the current source and is done with it.</summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    private bool Complete(LoopThread thread, in Completion completion, bool caching = true)
    {
        if (!completion.IsEmpty && !RunCallbacks(thread, _current!, completion, caching))
        {
            return false;
        }

        _current = null;
        return true;
    }

    private bool RunCallbacks(LoopThread thread, IoSource source, in Completion completion, bool caching = true)
    {
        if (completion.Flags != Completion.NeedsBuffer)
        {
            _iterationsWithoutInlineCallback = 0;
        }

        return thread.RunCallbacks(this, source, completion, caching);
    }
}
