using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>The idle timeout. When the timer comes, it finds out about the bytes that have moved.</content>
internal sealed partial class ConnectionIo
{
    private IdleTimer _idle;

    internal ref IdleTimer Idle => ref _idle;

    /// <summary>Another timeout, 0 for none; its time begins now.</summary>
    internal void SetIdleTimeout(int milliseconds)
    {
        _idle.Reset(milliseconds);
        if (milliseconds != 0)
        {
            Post(LoopCommand.UpdateTimer);
        }
    }

    /// <summary>True if readiness is queued, or bytes wait in the socket or in the reader.</summary>
    private bool HasUnreadBytes
        => PendingEvents != 0 || Reader.IsBehind || (!_receiver.HasEnded && Sys.BytesAvailable(Descriptor) > 0);

    internal override Completion OnTimer()
    {
        AssertOwner();
        int timeout = _idle.Timeout;
        if (timeout == 0 || _closed || IsShutDown)
        {
            return Completion.None;
        }

        long now = Environment.TickCount64;
        long deadline = _idle.GetDeadline(timeout);
        if (deadline > now)
        {
            SetIdleTimer(deadline - now);
            return Completion.None;
        }

        if (Sender.IsWaiting)
        {
            // The peer may have taken bytes long since: the loop was behind, or the socket says so only when there is
            // much room. So it is asked. That bytes of its own wait is no excuse here: a peer that takes nothing would
            // only have to send a byte too many to stay for ever.
            SetIdleTimer(timeout);
            Completion sent = OnWritable();
            if (!Sender.IsWaiting || _idle.GetDeadline(timeout) > now)
            {
                return sent;
            }
        }
        else if (HasUnreadBytes)
        {
            // The loop or the application is behind, and not the peer.
            _idle.RecordActivity();
            SetIdleTimer(timeout);
            return Completion.None;
        }

        Loop.Counters.IdleTimeouts++;
        return new Completion(CompletionFlags.TimedOut, Duration: IdleTimeout.From(timeout));
    }

    private void SetIdleTimer()
    {
        if (_idle.Timeout != 0 && _registered)
        {
            SetIdleTimer(_idle.Remaining);
        }
    }

    private void SetIdleTimer(long milliseconds)
    {
        FaultPoints.Hit(FaultPoint.IdleTimerSet);
        Loop.SetTimer(this, TimeSpan.FromMilliseconds(milliseconds), isCoarse: true);
    }

    private void OnIdleTimeout(TimeSpan timeout)
    {
        Log.ConnectionTimedOut(Settings.Logger, Connection.ConnectionId, timeout);
        string message = $"The connection was idle for {timeout}: no byte was received or sent.";
        Abort(new ConnectionAbortedException(message, new TimeoutException(message)));
    }
}
