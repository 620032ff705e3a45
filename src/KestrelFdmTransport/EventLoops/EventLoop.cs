using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>One epoll instance, the sources in it, and the thread that owns both at the moment.</summary>
/// <remarks>
/// All state of a turn lives in fields, never on the stack: a callback may lose the loop to a standby, who goes on where the turn
/// stopped. Only the owner touches it, save for the mailbox, the sleep word and the figures. After every call of the scope that
/// says that the loop is lost, nothing of it is touched any more.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "The loop's owner disposes what belongs to it when it ends; nobody else may.")]
internal sealed partial class EventLoop
{
    private const int HarvestCapacity = 512;
    private const ulong WakePayload = ulong.MaxValue;
    private static readonly long s_preemptedAfter = Stopwatch.Frequency / 2_000;
    private static readonly long s_preemptedPause = Stopwatch.Frequency / 100;

    /// <summary>A loop that has run nothing itself for so many turns only dispatches.</summary>
    private const int TurnsAlone = 8;

    /// <summary>An event that is there after so short a sleep was there before it.</summary>
    private static readonly long s_foundAtOnce = Stopwatch.Frequency / 200_000;

    /// <summary>One look for events takes a microsecond or less. If it has taken so long, others have had the CPU meanwhile.</summary>
    private static readonly long s_interrupted = Stopwatch.Frequency / 100_000;

    private static readonly TimeSpan s_wakeRetry = TimeSpan.FromMilliseconds(1);

    private readonly EventLoopGroup _group;
    private readonly ILogger _logger;
    private readonly OwnedDescriptor _epoll;
    private readonly OwnedDescriptor _wake;
    private readonly EpollEventBuffer _events = new(HarvestCapacity);
    private readonly SlotTable _slots = new();
    private readonly SpinGate _spinGate = new();
    private readonly PollingSets _sets;
    private readonly Mailbox _mailbox = new();
    private readonly Deadlines _deadlines = new();
    private readonly List<IoSource> _closing = [];
    private readonly long _spinTicks;
    private readonly ManualResetEventSlim _over = new();
    private readonly StallBudget _stalls = new();
    private readonly LoopLoad _load = new();
    private readonly WakeRule _wakeRule = new();

    // The two sides of every wake-up: a poster pushes its mail and then reads this word; the loop writes it and then looks
    // into the mailbox. Both orders are full fences, so mail that the loop misses finds a loop that is seen to sleep.
    private int _sleeping;
    private int _wakeFailureTold;

    // Where the turn is.
    private Phase _phase;
    private IoSource? _current;
    private ulong _currentPayload;
    private IoSource? _mailInHand;

    /// <summary>The sources in slots below this one have yet to be told that the loop stops.</summary>
    private int _stopping;

    // Turns in which no callback ran here, and what there was to know of a rest behind the backlog.
    private int _turnsAlone;
    private int _begun;
    private long _rested;

    // Of this window: how often the loop was woken, and for how much.
    private int _wakes;
    private long _wokenFor;
    private long _runDelay;

    // When the last window ended: what the thread had used, and which one it was.
    private long _cpuTime;
    private int _cpuTimeOf;

    // Connections that are to move to another loop.
    private EventLoop? _destination;
    private int _emigrants;
    private bool _moved;

    private long _now;
    private int _connections;
    private int _ended;

    /// <summary>Not zero while a thread reads the mail of this loop, which has ended.</summary>
    private int _readsLateMail;
    private volatile bool _stopRequested;
    private bool _ending;

    internal EventLoop(int index, EventLoopGroup group, EventLoopSettings settings, ILogger logger)
    {
        Index = index;
        Name = "fdm-loop-" + index.ToString(System.Globalization.CultureInfo.InvariantCulture);
        _group = group;
        _logger = logger;
        _sets = new PollingSets(settings.Rules, _spinGate);
        _spinTicks = settings.SpinDuration.Ticks * (Stopwatch.Frequency / TimeSpan.TicksPerSecond);
        _now = Stopwatch.GetTimestamp();
        HandsOver = settings.HandsOver;
        StallThreshold = settings.StallThreshold;
        _epoll = Open(Sys.EpollCreate());
        try
        {
            _wake = Open(Sys.EventDescriptor());

            // Edge-triggered and never read: each write is an edge, and the counter cannot overflow in the life of a machine.
            int added = Sys.EpollAdd(_epoll.Number, _wake.Number, EpollFlags.In | EpollFlags.EdgeTriggered, WakePayload);
            if (added < 0)
            {
                throw SocketErrors.Exception(-added);
            }

            FaultPoints.Reach(FaultPoint.LoopMade);
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    /// <summary>The steps of a turn.</summary>
    private enum Phase
    {
        Harvest,
        Serve,
        ReadMail,
        Resume,
        RunTimers,
        Release,
        Close,
        Stop,
    }

    internal int Index { get; }

    internal string Name { get; }

    /// <summary>The highest number of a descriptor that the loop has taken for itself.</summary>
    internal int HighestDescriptor => Math.Max(_epoll.Number, _wake.Number);

    /// <summary>The connections of this loop. Any thread may read.</summary>
    internal int Connections => Volatile.Read(ref _connections);

    internal long Accepts { get; private set; }

    internal long Dispatched { get; private set; }

    internal long Pauses { get; private set; }

    internal long Rests { get; private set; }

    /// <summary>Connections that this loop has given to others because it had too much to do.</summary>
    internal long Moves { get; private set; }

    /// <summary>How busy the loop is. Any thread.</summary>
    internal LoopLoad Load => _load;

    internal long Harvests { get; private set; }

    internal long Events { get; private set; }

    internal PollingSets Sets => _sets;

    internal EventLoopGroup Group => _group;

    /// <summary>True if the loop is taken over from a callback that holds it.</summary>
    internal bool HandsOver { get; private set; }

    internal TimeSpan StallThreshold { get; }

    /// <summary>Callbacks that have lost this loop to a standby.</summary>
    internal long Stalls => _stalls.Count;

    /// <summary>True while callbacks have held this loop so often that none runs on it. Owner, or a callback of this loop.</summary>
    internal bool IsStalling => _stalls.IsSpent(_now);

    /// <summary>True on the thread that owns the loop, and outside callbacks only.</summary>
    internal bool IsOwner => CallbackScope.Owns(this);

    /// <summary>True once the loop has ended that should not have. Any thread.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>True once the loop takes no source any more. Owner only.</summary>
    internal bool IsEnding => _ending;

    /// <summary>When the loop was started in place of one that had failed, in <see cref="Stopwatch"/> ticks; null for a first one.</summary>
    internal long? RestartedAt { get; init; }

    /// <summary>The clock as of the last harvest, in <see cref="Stopwatch"/> ticks.</summary>
    internal long Now => _now;

    /// <summary>
    /// What such a loop adds can only wait behind what it has dispatched: it need not hurry, and the pool's threads, which spin themselves,
    /// need the CPU more.
    /// </summary>
    private bool OnlyDispatches => _turnsAlone == TurnsAlone;

    /// <summary>Adds a source to the slot table and its descriptor to the epoll. Owner only.</summary>
    /// <returns>Zero, or a negated error number with nothing registered.</returns>
    internal int Register(IoSource source, int descriptor, uint events)
    {
        if (!TryEnroll(source))
        {
            return -Errno.EBADF;
        }

        int result = Sys.EpollAdd(_epoll.Number, descriptor, events, source.Payload);
        if (result < 0)
        {
            Unregister(source);
        }

        return result;
    }

    /// <summary>
    /// Gives a source its slot before there is anything to watch: whatever waits has one, for the end of the loop is told to all that
    /// have. Owner only.
    /// </summary>
    /// <returns>False if the loop is ending.</returns>
    internal bool TryEnroll(IoSource source)
    {
        if (_ending)
        {
            return false;
        }

        FaultPoints.Reach(FaultPoint.SlotTaken);
        source.Payload = _slots.Add(source);
        try
        {
            FaultPoints.Reach(FaultPoint.SourceCounted);
            _sets.Register((int)(uint)source.Payload, _now, source.FirstCounter);
        }
        catch
        {
            _slots.Remove(source.Payload);
            throw;
        }

        return true;
    }

    /// <summary>Frees the slot; queue entries and events that still carry its generation are dropped. Owner only.</summary>
    internal void Unregister(IoSource source)
    {
        _deadlines.Clear(source);
        _timers.Clear((int)(uint)source.Payload);
        _sets.Unregister((int)(uint)source.Payload);
        _slots.Remove(source.Payload);
    }

    /// <summary>Adds a descriptor that is registered already to the epoll again. Any thread.</summary>
    internal int Watch(int descriptor, uint events, ulong payload)
        => _epoll.TryAcquire() ? Released(Sys.EpollAdd(_epoll.Number, descriptor, events, payload)) : -Errno.EBADF;

    /// <summary>Takes a descriptor out of the epoll; its slot stays. Any thread.</summary>
    internal int Unwatch(int descriptor)
        => _epoll.TryAcquire() ? Released(Sys.EpollDelete(_epoll.Number, descriptor)) : -Errno.EBADF;

    /// <summary>Serves a source that has just been registered in this turn, if others would keep it waiting. Owner only.</summary>
    /// <param name="source">The source.</param>
    /// <param name="events">What is probably ready, although nobody has said so.</param>
    internal void Admit(IoSource source, uint events)
    {
        if (_sets.Admit(source.Payload, _now))
        {
            source.PendingEvents |= events;
        }
    }

    /// <summary>Queues a source that has more to do than one serve allows. Owner only.</summary>
    internal void Requeue(IoSource source) => _sets.Requeue(source.Payload, _now);

    /// <summary>
    /// Resumes the source after <paramref name="delay"/>, or when it is resumed otherwise. Never in the pass that is under way, however
    /// short the delay is; a delay that no clock reaches is for ever. Owner only.
    /// </summary>
    internal void ResumeAfter(IoSource source, TimeSpan delay)
    {
        FaultPoints.Reach(FaultPoint.DeadlineSet);
        double due = Stopwatch.GetTimestamp() + (delay.TotalSeconds * Stopwatch.Frequency);
        _deadlines.Set(source, due < long.MaxValue ? Math.Max((long)due, _now + 1) : long.MaxValue);
    }

    internal void ConnectionOpened()
    {
        _group.ConnectionOpened();
        Interlocked.Increment(ref _connections);
    }

    internal void ConnectionClosed()
    {
        Interlocked.Decrement(ref _connections);
        _group.ConnectionClosed();
    }

    /// <summary>A connection goes from this loop to another one of the group, whose number of connections is the same at every moment.</summary>
    internal void ConnectionMoved(EventLoop destination)
    {
        Interlocked.Increment(ref destination._connections);
        Interlocked.Decrement(ref _connections);
    }

    internal void CountAccept() => Accepts++;

    /// <summary>On a loop's thread; a stalled one may at worst lose a count.</summary>
    internal void CountDispatch() => Dispatched++;

    internal void CountPause() => Pauses++;

    internal void CountRest() => Rests++;

    /// <summary>Gives back what the loop has taken, if there is no thread to run it.</summary>
    internal void Abandon()
    {
        _epoll.Dispose();
        _wake?.Dispose();
    }

    /// <summary>Runs the loop until it ends or this thread loses it.</summary>
    /// <param name="scope">The calling thread's.</param>
    /// <param name="handOver">How the calling thread has got the loop; null for the first owner.</param>
    /// <returns>True if the loop has ended, false if another thread owns it now.</returns>
    internal bool Run(CallbackScope scope, HandOver? handOver = null)
    {
        try
        {
            if ((handOver is not null && !GoOn(scope, handOver)) || !RunTurns(scope))
            {
                return false;
            }
        }
        catch (Exception exception)
        {
            if (!scope.TryAbandonCallback(this))
            {
                return false;
            }

            // Nobody takes over what is left of it, and nobody hoards.
            HandsOver = false;
            HasFailed = true;
            scope.Disown(Name);
            _group.OnLoopFailed(this, exception);
            EndAll();
        }

        Finish(scope);
        return true;
    }

    /// <summary>Readies a turn to be gone on with whose owner is inside a callback and has lost the loop to the calling thread.</summary>
    /// <returns>False if this thread has lost the loop, too.</returns>
    private bool GoOn(CallbackScope scope, HandOver handOver)
    {
        RacePoints.Reach(RacePoint.LoopTaken, this);
        long now = Stopwatch.GetTimestamp();
        _stalls.Add(handOver.Held, now);
        if (_current is { } source)
        {
            // What the callback's serve left undone is found out by serving the source again.
            _current = null;
            if (_slots.Find(_currentPayload) == source)
            {
                _sets.Served((int)(uint)_currentPayload, now);
                _sets.Requeue(_currentPayload, now);
            }
        }

        if (handOver.Source is not { } stalled)
        {
            return true;
        }

        stalled.OnStalled(computes: handOver.Verdict != StallVerdict.Blocked);
        return scope.SendFlushed(this, stalled);
    }

    internal void ReportPoolFailure(Exception exception) => Log.ReleaseFailed(_logger, Name, exception);

    private static OwnedDescriptor Open(int descriptor)
        => descriptor >= 0 ? new OwnedDescriptor(descriptor) : throw SocketErrors.Exception(-descriptor);

    private int Released(int result)
    {
        _epoll.Release();
        return result;
    }

    private bool RunTurns(CallbackScope scope)
    {
        while (true)
        {
            bool kept = true;
            switch (_phase)
            {
                case Phase.Harvest:
                    if (_ending && _slots.Count == 0 && !HasMail)
                    {
                        return true;
                    }

                    Harvest();
                    _turnsAlone = Math.Min(_turnsAlone + 1, TurnsAlone);
                    _sets.BeginTurn(_now);
                    _phase = Phase.Serve;
                    break;
                case Phase.Serve:
                    kept = ServeAll(scope);
                    break;
                case Phase.ReadMail:
                    kept = ReadMail(scope);
                    break;
                case Phase.Resume:
                    kept = ResumeDue(scope);
                    break;
                case Phase.RunTimers:
                    kept = RunTimers(scope);
                    break;
                case Phase.Release:
                    kept = Release(scope);
                    break;
                case Phase.Close:
                    kept = CloseAll(scope);
                    break;
                case Phase.Stop:
                    kept = StopAll(scope);
                    break;
            }

            if (!kept)
            {
                return false;
            }
        }
    }

    private bool ServeAll(CallbackScope scope)
    {
        while (_sets.TryNext(out ulong payload))
        {
            if (_slots.Find(payload) is { } source && !ServeOne(scope, source, payload))
            {
                return false;
            }
        }

        _phase = Phase.ReadMail;
        return true;
    }

    private bool ServeOne(CallbackScope scope, IoSource source, ulong payload)
    {
        int slot = (int)(uint)payload;

        // Before anything is read: an event that comes from now on queues the source again.
        _sets.Dequeued(slot);
        uint events = source.PendingEvents;
        source.PendingEvents = 0;
        long served;
        while (true)
        {
            Notice notice = Serve(source, events);
            if (notice.IsNothing || TryTellQuietly(source, ref notice))
            {
                served = Stopwatch.GetTimestamp();
                break;
            }

            _currentPayload = payload;
            if (!Tell(scope, source, notice))
            {
                return false;
            }

            served = scope.EndedAt;
            if (!notice.Has(Notice.MemoryWanted))
            {
                break;
            }

            events = 0;
        }

        _sets.Served(slot, served);
        if (_emigrants > 0)
        {
            TryEmigrate(source, slot);
        }

        return true;
    }

    private static Notice Serve(IoSource source, uint events)
    {
        try
        {
            return source.Serve(events);
        }
        catch (Exception exception)
        {
            return new Notice(Notice.Failed, null, exception);
        }
    }

    private static bool TryTellQuietly(IoSource source, ref Notice notice)
    {
        try
        {
            return source.TryTellQuietly(notice);
        }
        catch (Exception exception)
        {
            notice = new Notice(Notice.Failed, null, exception);
            return false;
        }
    }

    private bool Tell(CallbackScope scope, IoSource source, in Notice notice, bool hoarding = true)
    {
        if (notice.Kinds != Notice.MemoryWanted)
        {
            _turnsAlone = 0;
        }

        _current = source;
        if (!scope.Tell(this, source, notice, hoarding))
        {
            return false;
        }

        _current = null;
        return true;
    }

    private bool ResumeDue(CallbackScope scope)
    {
        while (_deadlines.TryTakeDue(_now, out IoSource? source))
        {
            if (!Deliver(scope, source!, Mail.Resume))
            {
                return false;
            }
        }

        _phase = Phase.RunTimers;
        return true;
    }
}
