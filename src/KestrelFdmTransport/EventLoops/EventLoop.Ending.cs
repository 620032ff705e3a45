using System;
using System.Diagnostics;
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
    internal bool Join(TimeSpan timeout) => CallbackScope.Serves(this) || _over.Wait(timeout);

    /// <summary>Closes the source after the turn's last event. Owner only.</summary>
    internal void CloseAfterTurn(IoSource source)
    {
        FaultPoints.Reach(FaultPoint.CloseQueued);
        _closing.Add(source);
    }

    /// <summary>From here on whoever brings mail reads it himself. Both sides write first and then look (full fences).</summary>
    private void Finish(CallbackScope scope)
    {
        scope.Disown(Name);
        RacePoints.Reach(RacePoint.LoopEnds, this);
        Interlocked.Exchange(ref _ended, 1);
        ReadPosthumousMail();
        scope.ReleaseHoards();
        _epoll.Dispose();
        _wake.Dispose();
        _events.Dispose();
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
            FaultPoints.Reach(FaultPoint.SourcesListed);
            _ending = true;
            _stopping = _slots.Snapshot();
            _phase = Phase.Stop;
        }

        return true;
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
        while (_stopping.Length > 0)
        {
            IoSource source = _stopping[^1];
            _stopping = _stopping[..^1];
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
    /// Mail to a loop that has ended: a connection given to it by another loop at the last moment, or one whose last sender leaves
    /// late. There is no owner any more, so any thread may handle it, one at a time.
    /// </summary>
    private void ReadPosthumousMail()
    {
        lock (_posthumous)
        {
            while (!_mailbox.IsEmpty)
            {
                EndRemaining();
            }
        }
    }

    /// <summary>Reads the mail and closes what wants to be closed, with nobody to take over. No other thread does so.</summary>
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
            FaultPoints.Reach(FaultPoint.SourcesListed);
            foreach (IoSource source in _slots.Snapshot())
            {
                TellAlone(source, new Notice(Notice.Stopped));
            }

            long patience = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
            do
            {
                EndRemaining();
            }
            while (_slots.Count > 0 && Stopwatch.GetTimestamp() < patience);
        }
        catch (Exception exception)
        {
            Log.LoopNotEnded(_logger, Name, exception);
        }
    }
}
