using System;
using System.Diagnostics;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <content>The iterations of the loop, step by step, up to its end.</content>
internal sealed partial class EventLoop
{
    private const int StepsPerIteration = 7;

    /// <summary>Sources whose commands run, and which close, before ready sources are dispatched again.</summary>
    private const int MaxCommandsPerIteration = 256;

    /// <summary>Timers that expire before ready sources are dispatched again.</summary>
    private const int MaxTimersPerIteration = 256;

    /// <summary>No source has to learn yet that the loop stops.</summary>
    private const int NotStopping = -1;

    /// <summary>Every source has learned it.</summary>
    private const int AllStopped = -2;

    /// <summary>The sources in slots below this one have yet to learn that the loop stops.</summary>
    private int _stopping = NotStopping;

    /// <summary>The step of the iteration that runs next.</summary>
    private int _step;

    /// <summary>The source that the loop calls at the moment. What is thrown meanwhile costs the source.</summary>
    private IoSource? _current;

    /// <summary>True once the loop has stopped every source and has nothing left to do.</summary>
    private bool IsDone => _stopping == AllStopped && _sources.IsEmpty && _commands.IsEmpty;

    public bool MustWake => !_commands.IsEmpty || (_stopRequested && !IsEnding);

    public int MillisecondsUntilTimer(long now) => _sources.MillisecondsUntilTimer(now);

    public bool Run(LoopThread thread, Handoff? handoff)
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

            // No thread takes over what is left of it, and none caches.
            AllowsHandoff = false;
            HasFailed = true;
            thread.ReleaseLoop(Name);
            Group.OnLoopFailed(this, exception);
            StopEverySource();
        }

        Finish(thread);
        return true;
    }

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
        return Complete(thread, new Completion(CompletionFlags.Faulted, fault), caching: false);
    }

    /// <summary>Prepares to go on with an iteration in which a callback has lost the loop to this thread.</summary>
    /// <returns>False if this thread has lost the loop, too.</returns>
    private bool ResumeAfterHandoff(LoopThread thread, Handoff handoff)
    {
        SyncPoints.Hit(SyncPoint.LoopTaken, this);
        long now = Stopwatch.GetTimestamp();
        _stalls.Add(handoff.Duration, now);
        if (_current is { } source)
        {
            // What the dispatch of the source has left undone is found by dispatching it again.
            _current = null;
            if (_sources.Contains(source))
            {
                Sets.OnDispatched((int)(uint)source.Token, now);
                Requeue(source);
            }
        }

        if (handoff.Source is not ICallbackOwner stalled)
        {
            return true;
        }

        stalled.OnStalled(computes: handoff.Verdict != StallVerdict.Blocked);
        return thread.SendFlushed(this, stalled);
    }

    private bool Poll()
    {
        // After what the loop was woken for, and before it sleeps again.
        if (Utilization.IsDue(Now))
        {
            _migration.EndWindow();
        }

        _sources.QueueUnqueued();
        int count;
        long since = Now;
        if (Sets.Backlog > 0 || _sources.HasClosing || !_commands.IsEmpty)
        {
            count = _poller.Wait(0);
            Now = Stopwatch.GetTimestamp();
        }
        else
        {
            count = _wait.Wait(out long woken, out bool slept);
            Now = woken;
            since = slept ? woken : since;
        }

        Counters.EpollWaits++;
        Utilization.BeginIteration(Now);
        if (count >= 0)
        {
            Counters.Events += count;
            Sets.BeginBatch(count, Now, since);
            _sources.QueueReady(count);
        }
        else if (count != -Errno.EINTR)
        {
            throw SocketErrors.Exception(-count);
        }

        _wait.OnIteration();
        Sets.BeginIteration(Now);
        return true;
    }

    private bool DispatchReady(LoopThread thread)
    {
        while (Sets.TryNext(out ulong token))
        {
            if (_sources.Find(token) is { } source && !Dispatch(thread, source, (int)(uint)token))
            {
                return false;
            }
        }

        return true;
    }

    private bool Dispatch(LoopThread thread, IoSource source, int slot)
    {
        // Before anything is read: an event that comes from now on queues the source again.
        Sets.Dequeued(slot);
        uint events = source.PendingEvents;
        source.PendingEvents = 0;
        _current = source;
        long served;
        while (true)
        {
            Completion completion = source.OnReady(events);
            if (completion.IsEmpty)
            {
                served = Stopwatch.GetTimestamp();
                break;
            }

            if (!RunCallbacks(thread, source, completion))
            {
                return false;
            }

            served = thread.EndedAt;
            if (!completion.HasFlag(CompletionFlags.NeedsBuffer))
            {
                break;
            }

            events = 0;
        }

        _current = null;
        Sets.OnDispatched(slot, served);
        if (_migration.IsPlanned)
        {
            _migration.TryMigrate(source, slot);
        }

        return true;
    }

    private bool RunCommands(LoopThread thread)
    {
        _commands.Take();
        for (int i = 0; i < MaxCommandsPerIteration && _commands.TryDequeue(out IoSource? source); i++)
        {
            if (source.TryForward(this))
            {
                continue;
            }

            _current = source;
            if (!Complete(thread, source.OnCommand(source.TakeCommands())))
            {
                return false;
            }
        }

        return true;
    }

    private bool ExpireTimers(LoopThread thread)
    {
        for (int i = 0; i < MaxTimersPerIteration && _sources.Timers.TryTakeDue(Now, out IoSource? source); i++)
        {
            _current = source;
            if (!Complete(thread, source.OnTimer()))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Before it blocks, and before it closes: what waits for a connection's end may count blocks then.
    /// </summary>
    private bool TrimBuffers(LoopThread thread)
        => _migration.TakeHasMigrated() || _sources.HasClosing
            ? thread.ClearBuffers(this)
            : Sets.Backlog > 0 || thread.TrimBuffers(this);

    private bool CloseEnded(LoopThread thread)
    {
        while (_sources.TryTakeClosing(out IoSource? source))
        {
            _current = source;

            // Not cached, so that no buffer stays behind after the last connection.
            if (!Complete(thread, source.OnClose(), caching: false))
            {
                return false;
            }
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

    internal bool RunCallbacks(LoopThread thread, IoSource source, in Completion completion, bool caching = true)
    {
        if (completion.Flags != CompletionFlags.NeedsBuffer)
        {
            _wait.OnInlineCallback();
        }

        return thread.Run(this, source, new IoSource.Delivery(source, in completion), caching);
    }

    private bool StopSources(LoopThread thread)
    {
        if (_stopRequested && !IsEnding)
        {
            // A connection that another loop has given away may still be among the commands: the next iteration runs
            // them.
            _stopping = int.MaxValue;
        }

        while (_stopping >= 0)
        {
            _current = _sources.NextToStop(ref _stopping);
            if (_current is null)
            {
                _stopping = AllStopped;
            }
            else if (!Complete(thread, new Completion(CompletionFlags.LoopStopping)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>After a failure of the loop itself: ends every source without looking at the epoll again.</summary>
    private void StopEverySource()
    {
        try
        {
            _stopping = int.MaxValue;
            while (_sources.NextToStop(ref _stopping) is { } source)
            {
                AfterStop.Run(source, static _ => new Completion(CompletionFlags.LoopStopping));
            }

            // A sender that is inside the gate at this moment posts its command later, to a loop that has ended.
            _stopping = AllStopped;
            _afterStop.DrainOnce();
        }
        catch (Exception exception)
        {
            Log.LoopNotEnded(_logger, Name, exception);
        }
    }

    private void Finish(LoopThread thread)
    {
        thread.ReleaseLoop(Name);
        SyncPoints.Hit(SyncPoint.LoopEnds, this);
        _afterStop.Begin();
        thread.ClearBuffers();
        CloseDescriptors();

        // The last callbacks were user code, and the event has a lock inside.
        Uninterrupted.DropInterrupt();
        _stopped.Set();
    }
}
