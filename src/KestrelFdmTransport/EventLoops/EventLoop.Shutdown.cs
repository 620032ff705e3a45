using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <content>Closing what has ended, and the end of the loop itself.</content>
internal sealed partial class EventLoop
{
    /// <summary>Ends the loop and every source in it. Any thread.</summary>
    internal void RequestStop()
    {
        _stopRequested = true;
        Interlocked.MemoryBarrier();
        WakeIfSleeping();
    }

    /// <summary>False if the owner is still inside somebody's callback when the time is up.</summary>
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

    /// <summary>Closes the source after the turn's last event. Owner only.</summary>
    internal void CloseAtEndOfIteration(IoSource source)
    {
        try
        {
            FaultPoints.Hit(FaultPoint.CloseQueued);
            _closing.Add(source);
        }
        catch (OutOfMemoryException)
        {
            // It has to be closed all the same, and asking for it takes no memory: the next turn tries again.
            source.Post(LoopCommand.Close);
        }
    }

    /// <summary>
    /// From here on a thread of the pool reads the command that comes. Both sides write first and then look (full
    /// fences).
    /// </summary>
    private void Finish(LoopThread thread)
    {
        thread.ReleaseLoop(Name);
        SyncPoints.Hit(SyncPoint.LoopEnds, this);
        Interlocked.Exchange(ref _hasStopped, 1);
        DrainAfterStop();
        thread.ClearBuffers();
        CloseDescriptors();

        // What has been told last was user code, and the event has a lock inside.
        Uninterrupted.DropInterrupt();
        _stopped.Set();
    }

    /// <summary>
    /// Before the loop blocks, and before sources are closed: whoever waits for a connection to end may count blocks
    /// then.
    /// </summary>
    private bool TrimBuffers(LoopThread thread)
    {
        if (_closing.Count > 0 || _migrated)
        {
            _migrated = false;
            return thread.ClearBuffers(this);
        }

        return _sets.Backlog > 0 || thread.TrimBuffers(this);
    }

    private bool CloseEnded(LoopThread thread)
    {
        while (_closing.Count > 0)
        {
            IoSource source = _closing[^1];
            _closing.RemoveAt(_closing.Count - 1);
            _current = source;

            // Not cached, so that no buffer stays behind after the last connection.
            if (!Complete(thread, source.OnClose(), caching: false))
            {
                return false;
            }
        }

        return true;
    }

    private bool StopSources(LoopThread thread)
    {
        if (_stopRequested && !_ending)
        {
            // A connection that another loop has given away may still be among the commands: the next iteration runs
            // them.
            _ending = true;
            _stopping = int.MaxValue;
        }

        while (_stopping >= 0)
        {
            _current = NextToStop(ref _stopping);
            if (_current is null)
            {
                _stopping = -1;
            }
            else if (!Complete(thread, new Completion(Completion.LoopStopping)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The next source that is told of the end: those with a slot, and then what waits for its time without one, a
    /// listen socket that the epoll has not taken yet.
    /// </summary>
    private IoSource? NextToStop(ref int end)
    {
        IoSource? source = _slots.Below(ref end);
        while (source is null && _timerQueue.TryTakeDue(long.MaxValue, out IoSource? waiting))
        {
            source = _slots.Find(waiting!.Token) == waiting ? null : waiting;
        }

        return source;
    }

    /// <summary>
    /// Has command read that has come to a loop that has ended: a connection given to it by another loop at the last
    /// moment, or one whose last sender leaves late. Not here: telling runs user code, and the poster may be the
    /// monitor, or another loop's owner outside any callback, or hold a lock.
    /// </summary>
    private void QueueDrainAfterStop()
        => ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.DrainAfterStop(), this, preferLocal: false);

    /// <summary>
    /// One thread at a time reads. It looks once more after it has said that it is done, so another that comes
    /// meanwhile may go.
    /// </summary>
    private void DrainAfterStop()
    {
        while (!_commands.IsEmpty && Interlocked.Exchange(ref _drainingAfterStop, 1) == 0)
        {
            DrainCommandsAndClose();
            Interlocked.Exchange(ref _drainingAfterStop, 0);
        }
    }

    /// <summary>
    /// Reads the command and closes what wants to be closed, with no owner that could be taken over. No other thread
    /// does so.
    /// </summary>
    private void DrainCommandsAndClose()
    {
        IoSource? source = _commandsInProgress ?? _commands.TakeAll();
        _commandsInProgress = null;
        while (source is not null)
        {
            IoSource? next = source.NextQueued;
            source.NextQueued = null;
            if (!TryForward(source))
            {
                RunAfterStop(source, static source => source.OnCommand(source.TakeCommands()));
            }

            source = next;
        }

        while (_closing.Count > 0)
        {
            source = _closing[^1];
            _closing.RemoveAt(_closing.Count - 1);
            RunAfterStop(source, static source => source.OnClose());
        }
    }

    private static void RunAfterStop(IoSource source, Func<IoSource, Completion> step)
    {
        try
        {
            Completion completion = step(source);
            if (!completion.IsEmpty)
            {
                source.RunCallbacks(completion);
            }
        }
        catch (Exception exception)
        {
            LoopThread.Fail(source, exception);
        }
    }

    /// <summary>After a failure of the loop itself: ends every source without looking at the epoll again.</summary>
    private void StopEverySource()
    {
        _ending = true;
        try
        {
            int end = int.MaxValue;
            while (NextToStop(ref end) is { } source)
            {
                RunAfterStop(source, static _ => new Completion(Completion.LoopStopping));
            }

            // One whose sender is inside its gate at this moment has its command posted by that sender, and read as
            // what comes to a loop that has ended.
            DrainCommandsAndClose();
        }
        catch (Exception exception)
        {
            Log.LoopNotEnded(_logger, Name, exception);
        }
    }
}
