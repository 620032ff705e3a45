using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

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
            return CallbackScope.Serves(this) || _over.Wait(timeout);
        }
        catch (ThreadInterruptedException)
        {
            // The caller has other loops and threads to stop. The interrupt is the application's, and stays pending for it.
            Thread.CurrentThread.Interrupt();
            return false;
        }
    }

    /// <summary>Closes the source after the turn's last event. Owner only.</summary>
    internal void CloseAfterTurn(IoSource source)
    {
        try
        {
            FaultPoints.Reach(FaultPoint.CloseQueued);
            _closing.Add(source);
        }
        catch (OutOfMemoryException)
        {
            // It has to be closed all the same, and asking for it takes no memory: the next turn tries again.
            source.Post(Mail.Close);
        }
    }

    /// <summary>From here on a thread of the pool reads the mail that comes. Both sides write first and then look (full fences).</summary>
    private void Finish(CallbackScope scope)
    {
        scope.Disown(Name);
        RacePoints.Reach(RacePoint.LoopEnds, this);
        Interlocked.Exchange(ref _ended, 1);
        ReadLateMail();
        scope.ReleaseHoards();
        Abandon();

        // What has been told last was foreign code, and the event has a lock inside.
        Uninterrupted.DropInterrupt();
        _over.Set();
    }

    /// <summary>Before the loop blocks, and before sources are closed: whoever waits for a connection to end may count blocks then.</summary>
    private bool Release(CallbackScope scope)
    {
        _phase = Phase.Close;
        if (_closing.Count > 0 || _moved)
        {
            _moved = false;
            return scope.ReleaseHoards(this);
        }

        return _sets.Backlog > 0 || scope.TrimHoards(this);
    }

    private bool CloseAll(CallbackScope scope)
    {
        while (_closing.Count > 0)
        {
            IoSource source = _closing[^1];
            _closing.RemoveAt(_closing.Count - 1);
            Notice notice = Close(source);
            _currentPayload = 0;

            // Whatever is given back now goes all the way.
            if (!notice.IsNothing && !Tell(scope, source, notice, hoarding: false))
            {
                return false;
            }
        }

        _phase = Phase.Harvest;
        if (_stopRequested && !_ending)
        {
            // A connection that another loop has given us may still be in the mail: the next turn reads it first.
            _ending = true;
            _stopping = int.MaxValue;
            _phase = Phase.Stop;
        }

        return true;
    }

    /// <summary>
    /// The next source that is told of the end: those with a slot, and then what waits for its time without one, a listen socket that the epoll has not
    /// taken yet.
    /// </summary>
    private IoSource? NextToStop(ref int end)
    {
        IoSource? source = _slots.Below(ref end);
        while (source is null && _deadlines.TryTakeDue(long.MaxValue, out IoSource? waiting))
        {
            source = _slots.Find(waiting!.Payload) == waiting ? null : waiting;
        }

        return source;
    }

    private static Notice Close(IoSource source)
    {
        try
        {
            return source.Close();
        }
        catch (Exception exception)
        {
            return new Notice(Notice.Failed, null, exception);
        }
    }

    private bool StopAll(CallbackScope scope)
    {
        while (NextToStop(ref _stopping) is { } source)
        {
            _currentPayload = source.Payload;
            if (!Tell(scope, source, new Notice(Notice.Stopped)))
            {
                return false;
            }
        }

        _phase = Phase.ReadMail;
        return true;
    }

    /// <summary>
    /// Has mail read that has come to a loop that has ended: a connection given to it by another loop at the last moment, or one whose last sender leaves
    /// late. Not here: telling runs foreign code, and the poster may be the monitor, or another loop's owner outside any callback, or hold a lock.
    /// </summary>
    private void QueueLateMail() => ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.ReadLateMail(), this, preferLocal: false);

    /// <summary>One thread at a time reads. It looks once more after it has said that it is done, so another that comes meanwhile may go.</summary>
    private void ReadLateMail()
    {
        while (!_mailbox.IsEmpty && Interlocked.Exchange(ref _readsLateMail, 1) == 0)
        {
            EndRemaining();
            Interlocked.Exchange(ref _readsLateMail, 0);
        }
    }

    /// <summary>Reads the mail and closes what wants to be closed, with no owner that could be taken over. No other thread does so.</summary>
    private void EndRemaining()
    {
        IoSource? source = _mailInHand ?? _mailbox.TakeAll();
        _mailInHand = null;
        while (source is not null)
        {
            IoSource? next = source.NextMail;
            source.NextMail = null;
            if (!TryForward(source))
            {
                TellAlone(source, Handle(source, source.TakeMail()));
            }

            source = next;
        }

        while (_closing.Count > 0)
        {
            source = _closing[^1];
            _closing.RemoveAt(_closing.Count - 1);
            TellAlone(source, Close(source));
        }
    }

    private static void TellAlone(IoSource source, in Notice notice)
    {
        try
        {
            if (notice.Has(Notice.Failed))
            {
                CallbackScope.Fail(source, notice.Error!);
            }
            else if (!notice.IsNothing)
            {
                source.Tell(notice);
            }
        }
        catch (Exception exception)
        {
            CallbackScope.Fail(source, exception);
        }
    }

    /// <summary>After a failure of the loop itself: ends every source without looking at the epoll again.</summary>
    private void EndAll()
    {
        _ending = true;
        try
        {
            int end = int.MaxValue;
            while (NextToStop(ref end) is { } source)
            {
                TellAlone(source, new Notice(Notice.Stopped));
            }

            // One whose sender is inside its gate at this moment has its mail posted by that sender, and read as what comes to a loop that has ended.
            EndRemaining();
        }
        catch (Exception exception)
        {
            Log.LoopNotEnded(_logger, Name, exception);
        }
    }
}
