using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>One epoll instance, the sources in it, and the thread that owns both.</summary>
/// <remarks>
/// All state of a turn lives in fields, never on the stack. Only the owner touches it, save for the mailbox, the sleep
/// word and the figures.
/// </remarks>
#pragma warning disable CA1001 // The loop's own thread disposes what it owns when it ends; nobody else may.
internal sealed class EventLoop
#pragma warning restore CA1001
{
    private const int HarvestCapacity = 512;
    private const ulong WakePayload = ulong.MaxValue;
    private static readonly long s_preemptedAfter = Stopwatch.Frequency / 2_000;
    private static readonly long s_preemptedPause = Stopwatch.Frequency / 100;

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
    private readonly List<TurnResource> _turnResources = [];
    private readonly long _spinTicks;
    private readonly Thread _thread;

    // The two sides of every wake-up: a poster pushes its mail and then reads this word; the loop writes it and then looks
    // into the mailbox. Both orders are full fences, so mail that the loop misses finds a loop that is seen to sleep.
    private int _sleeping;

    private long _now;
    private int _connections;
    private readonly Lock _posthumous = new();
    private int _ended;
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
        _epoll = Open(Sys.EpollCreate());
        _wake = Open(Sys.EventDescriptor());

        // Edge-triggered and never read: each write is an edge, and the counter cannot overflow in the life of a machine.
        int added = Sys.EpollAdd(_epoll.Number, _wake.Number, EpollFlags.In | EpollFlags.EdgeTriggered, WakePayload);
        if (added < 0)
        {
            throw SocketErrors.Exception(-added);
        }

        _thread = new Thread(Run) { Name = Name, IsBackground = true };
    }

    internal int Index { get; }

    internal string Name { get; }

    /// <summary>The connections of this loop. Any thread may read.</summary>
    internal int Connections => Volatile.Read(ref _connections);

    internal long Accepts { get; private set; }

    internal long Harvests { get; private set; }

    internal long Events { get; private set; }

    internal PollingSets Sets => _sets;

    /// <summary>True on the thread that owns the loop.</summary>
    internal bool IsOwner => Thread.CurrentThread == _thread;

    /// <summary>True once the loop has ended that should not have. Any thread.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>True while sources are being closed: whatever comes back now goes all the way, for somebody may count it.</summary>
    internal bool IsClosing { get; private set; }

    /// <summary>The clock as of the last harvest, in <see cref="Stopwatch"/> ticks.</summary>
    internal long Now => _now;

    internal void Start() => _thread.UnsafeStart();

    /// <summary>Ends the loop and every source in it. Any thread.</summary>
    internal void RequestStop()
    {
        _stopRequested = true;
        Interlocked.MemoryBarrier();
        WakeIfSleeping();
    }

    /// <summary>False if the owner is still inside somebody's callback when the time is up.</summary>
    internal bool Join(TimeSpan timeout) => IsOwner || _thread.Join(timeout);

    /// <summary>Puts a source with mail into the mailbox and wakes the loop if it sleeps. Any thread.</summary>
    internal void Deliver(IoSource source)
    {
        _mailbox.Push(source);
        WakeIfSleeping();
        if (Volatile.Read(ref _ended) != 0)
        {
            ReadPosthumousMail();
        }
    }

    /// <summary>Adds a source to the slot table and its descriptor to the epoll. Owner only.</summary>
    /// <returns>Zero, or a negated error number with nothing registered.</returns>
    internal int Register(IoSource source, int descriptor, uint events)
    {
        if (_ending)
        {
            return -Errno.EBADF;
        }

        source.Payload = _slots.Add(source);
        _sets.Register((int)(uint)source.Payload, _now);
        int result = Sys.EpollAdd(_epoll.Number, descriptor, events, source.Payload);
        if (result < 0)
        {
            Unregister(source);
        }

        return result;
    }

    /// <summary>Frees the slot; queue entries and events that still carry its generation are dropped. Owner only.</summary>
    internal void Unregister(IoSource source)
    {
        _deadlines.Clear(source);
        _sets.Unregister((int)(uint)source.Payload);
        _slots.Remove(source.Payload);
    }

    /// <summary>Adds a descriptor that is registered already to the epoll again. Any thread.</summary>
    internal int Watch(int descriptor, uint events, ulong payload)
        => _epoll.TryAcquire() ? Released(Sys.EpollAdd(_epoll.Number, descriptor, events, payload)) : -Errno.EBADF;

    /// <summary>Takes a descriptor out of the epoll; its slot stays. Any thread.</summary>
    internal int Unwatch(int descriptor)
        => _epoll.TryAcquire() ? Released(Sys.EpollDelete(_epoll.Number, descriptor)) : -Errno.EBADF;

    /// <summary>Queues a source that has more to do than one serve allows. Owner only.</summary>
    internal void Requeue(IoSource source) => _sets.Requeue(source.Payload, _now);

    /// <summary>Resumes the source after <paramref name="delay"/>, or when it is resumed otherwise. Owner only.</summary>
    internal void ResumeAfter(IoSource source, TimeSpan delay)
        => _deadlines.Set(source, Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency));

    /// <summary>Drops the delay set by <see cref="ResumeAfter"/>. Owner only.</summary>
    internal void Forget(IoSource source) => _deadlines.Clear(source);

    /// <summary>Closes the source after the turn's last event. Owner only.</summary>
    internal void CloseAfterTurn(IoSource source) => _closing.Add(source);

    /// <summary>Has the resource released before the loop blocks. Owner only.</summary>
    internal void Enlist(TurnResource resource)
    {
        if (!resource.Enlisted)
        {
            resource.Enlisted = true;
            _turnResources.Add(resource);
        }
    }

    internal void ConnectionOpened() => Interlocked.Increment(ref _connections);

    internal void ConnectionClosed() => Interlocked.Decrement(ref _connections);

    internal void CountAccept() => Accepts++;

    internal void ReportPoolFailure(Exception exception) => Log.ReleaseFailed(_logger, Name, exception);

    private static OwnedDescriptor Open(int descriptor)
        => descriptor >= 0 ? new OwnedDescriptor(descriptor) : throw SocketErrors.Exception(-descriptor);

    private int Released(int result)
    {
        _epoll.Release();
        return result;
    }

    private void WakeIfSleeping()
    {
        if (Volatile.Read(ref _sleeping) != 0 && Interlocked.Exchange(ref _sleeping, 0) != 0 && _wake.TryAcquire())
        {
            Sys.Signal(_wake.Number);
            _wake.Release();
        }
    }

    private void Run()
    {
        CallbackScope.AdoptThread();
        _group.Place(this);
        try
        {
            RunTurns();
        }
        catch (Exception exception)
        {
            HasFailed = true;
            Log.LoopFailed(_logger, Name, exception);
            _group.OnLoopFailed(this, exception);
            EndAll();
        }
        finally
        {
            // From here on whoever brings mail reads it himself. Both sides write first and then look (full fences).
            Interlocked.Exchange(ref _ended, 1);
            ReadPosthumousMail();
            _epoll.Dispose();
            _wake.Dispose();
            _events.Dispose();
        }
    }

    private void RunTurns()
    {
        _now = Stopwatch.GetTimestamp();
        while (!_ending || _slots.Count > 0)
        {
            if (_stopRequested && !_ending)
            {
                _ending = true;

                // A connection that another loop has given us may still be in the mail.
                ReadMail();
                StopAll();
                EndTurn();
                continue;
            }

            Harvest();
            _sets.BeginTurn();
            while (_sets.TryNext(out ulong payload))
            {
                ServeNext(payload);
            }

            ReadMail();
            ResumeDue();
            EndTurn();
        }
    }

    private void Harvest()
    {
        int count;
        if (_sets.Backlog > 0 || _closing.Count > 0)
        {
            count = Sys.EpollWait(_epoll.Number, _events, 0);
        }
        else if (!TrySpin(out count))
        {
            count = Block();
        }

        _now = Stopwatch.GetTimestamp();
        Harvests++;
        if (count < 0)
        {
            if (count != -Errno.EINTR)
            {
                throw SocketErrors.Exception(-count);
            }

            return;
        }

        Events += count;
        for (int i = 0; i < count; i++)
        {
            ulong payload = _events.Payload(i);
            if (payload != WakePayload && _slots.Find(payload) is { } source)
            {
                source.PendingEvents |= _events.Events(i);
                _sets.Arrived(payload, _now);
            }
        }
    }

    /// <summary>Polls for a short time instead of sleeping, if a connection is expected to speak again at once.</summary>
    private bool TrySpin(out int count)
    {
        count = 0;
        long started = Stopwatch.GetTimestamp();
        if (_spinTicks == 0 || !_spinGate.IsOpen(started) || !_group.TryBeginSpin())
        {
            return false;
        }

        long now;
        do
        {
            count = Sys.EpollWait(_epoll.Number, _events, 0);
            if (count != 0 || !_mailbox.IsEmpty || _stopRequested)
            {
                _group.EndSpin();
                return true;
            }

            now = Stopwatch.GetTimestamp();
        }
        while (now - started < _spinTicks);

        _group.EndSpin();
        if (now - started > _spinTicks + s_preemptedAfter)
        {
            _spinGate.Preempted(now, s_preemptedPause);
        }
        else
        {
            _spinGate.Missed();
        }

        return false;
    }

    private int Block()
    {
        int timeout = -1;
        long ticks = _deadlines.Until(Stopwatch.GetTimestamp());
        if (ticks >= 0)
        {
            long milliseconds = (ticks * 1000 / Stopwatch.Frequency) + 1;
            timeout = (int)Math.Min(milliseconds, int.MaxValue);
        }

        // Full fence between the sleep word and the look into the mailbox; see _sleeping.
        Interlocked.Exchange(ref _sleeping, 1);
        if (!_mailbox.IsEmpty || _stopRequested)
        {
            timeout = 0;
        }

        int count = Sys.EpollWait(_epoll.Number, _events, timeout);
        Volatile.Write(ref _sleeping, 0);
        return count;
    }

    private void ServeNext(ulong payload)
    {
        if (_slots.Find(payload) is not { } source)
        {
            return;
        }

        int slot = (int)(uint)payload;

        // Before anything is read: an event that comes from now on queues the source again.
        _sets.Dequeued(slot);
        uint events = source.PendingEvents;
        source.PendingEvents = 0;
        try
        {
            source.Serve(events);
        }
        catch (Exception exception)
        {
            source.Fail(exception);
        }

        _sets.Served(slot, Stopwatch.GetTimestamp());
    }

    private void ReadMail()
    {
        if (_mailbox.IsEmpty)
        {
            return;
        }

        IoSource? source = _mailbox.TakeAll();
        while (source is not null)
        {
            // The link is read before the mail is taken: afterwards another thread may push the source again.
            IoSource? next = source.NextMail;
            source.NextMail = null;
            Handle(source, source.TakeMail());
            source = next;
        }
    }

    /// <summary>
    /// Mail to a loop that has ended: a connection given to it by another loop at the last moment, or one whose last sender leaves
    /// late. There is no owner any more, so any thread may handle it, one at a time.
    /// </summary>
    private void ReadPosthumousMail()
    {
        lock (_posthumous)
        {
            while (!_mailbox.IsEmpty)
            {
                ReadMail();
                EndTurn();
            }
        }
    }

    private void ResumeDue()
    {
        while (_deadlines.TryTakeDue(_now, out IoSource? source))
        {
            Handle(source!, Mail.Resume);
        }
    }

    private static void Handle(IoSource source, Mail mail)
    {
        try
        {
            source.OnMail(mail);
        }
        catch (Exception exception)
        {
            source.Fail(exception);
        }
    }

    private void EndTurn()
    {
        bool quiet = _sets.Backlog == 0;
        if (_closing.Count > 0)
        {
            // First the hoarded blocks: whoever waits for a connection to end may count them then.
            IsClosing = true;
            ReleaseTurnResources();
            foreach (IoSource source in _closing)
            {
                Close(source);
            }

            _closing.Clear();
            IsClosing = false;
        }
        else if (quiet && _turnResources.Count > 0)
        {
            ReleaseTurnResources();
        }
    }

    private static void Close(IoSource source)
    {
        try
        {
            source.Close();
        }
        catch (Exception exception)
        {
            // A pool that does not take its blocks back; the descriptor is closed by then.
            source.Fail(exception);
        }
    }

    private void ReleaseTurnResources()
    {
        foreach (TurnResource resource in _turnResources)
        {
            resource.Enlisted = false;
            try
            {
                resource.Release();
            }
            catch (Exception exception)
            {
                Log.ReleaseFailed(_logger, Name, exception);
            }
        }

        _turnResources.Clear();
    }

    private void StopAll()
    {
        foreach (IoSource source in _slots.Snapshot())
        {
            source.Stop();
        }
    }

    /// <summary>After a failure of the loop itself: ends every source without looking at the epoll again.</summary>
    private void EndAll()
    {
        _ending = true;
        try
        {
            StopAll();
            long patience = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
            do
            {
                ReadMail();
                EndTurn();
            }
            while (_slots.Count > 0 && Stopwatch.GetTimestamp() < patience);
        }
        catch (Exception exception)
        {
            Log.LoopFailed(_logger, Name, exception);
        }
    }
}
