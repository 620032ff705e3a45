using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>
/// The idle timeout. A byte that moves costs a look at a coarse clock and a store; the loop's wheel finds out about it
/// when the old deadline comes. </content>
internal sealed partial class ConnectionIo
{
    // Any thread; milliseconds. The last store wins, which at worst is a moment older than another.
    private int _idleTimeout;
    private long _lastActivity;

    internal int IdleMilliseconds => Volatile.Read(ref _idleTimeout);

    /// <summary>What is left of the timeout, in milliseconds. Any thread.</summary>
    internal long IdleTimeRemaining
        => Math.Max(0, Volatile.Read(ref _lastActivity) + IdleMilliseconds - Environment.TickCount64);

    /// <summary>Another timeout, 0 for none; its time begins now. Any thread.</summary>
    internal void SetIdleTimeout(int milliseconds)
    {
        Volatile.Write(ref _lastActivity, Environment.TickCount64);
        Volatile.Write(ref _idleTimeout, milliseconds);
        if (milliseconds != 0)
        {
            Post(LoopCommand.UpdateTimer);
        }
    }

    /// <summary>A deadline in the wheel may have come. Owner only.</summary>
    internal override Completion OnTimer(long now)
    {
        int timeout = IdleMilliseconds;
        if (timeout == 0 || _closed || IsShutDown)
        {
            return Completion.None;
        }

        long due = Volatile.Read(ref _lastActivity) + timeout;
        if (due > now)
        {
            Loop.SetTimer(this, due);
            return Completion.None;
        }

        if (Volatile.Read(ref _waitingWritable) != 0)
        {
            // The peer may have taken bytes long since: the loop was behind, or the socket says so only when there is
            // much room. So it is asked. That bytes of its own wait is no excuse here: a peer that takes nothing would
            // only have to send a byte too many to stay for ever.
            Loop.SetTimer(this, now + timeout);
            Completion sent = OnWritable();
            if (Volatile.Read(ref _waitingWritable) == 0 || Volatile.Read(ref _lastActivity) + timeout > now)
            {
                return sent;
            }
        }
        else if (PendingEvents != 0 || Reader.IsBehind || (!_inputEnded && Sys.BytesAvailable(_descriptor) > 0))
        {
            // Readiness that is queued and bytes that wait, in the socket or in the reader, say that the loop or the
            // application is behind, and not the peer.
            Volatile.Write(ref _lastActivity, now);
            Loop.SetTimer(this, now + timeout);
            return Completion.None;
        }

        Loop.OnIdleTimeout();
        return new Completion(CompletionFlags.TimedOut, IdleTimeout.From(timeout));
    }

    private void StartIdleTimer()
    {
        if (IdleMilliseconds != 0)
        {
            RecordActivity();
            SetIdleTimer();
        }
    }

    /// <summary>Owner only.</summary>
    private void SetIdleTimer()
    {
        int timeout = IdleMilliseconds;
        if (timeout != 0 && _registered)
        {
            Loop.SetTimer(this, Volatile.Read(ref _lastActivity) + timeout);
        }
    }

    /// <summary>Bytes have come or gone. Owner, or gate holder.</summary>
    private void RecordActivity()
    {
        if (Volatile.Read(ref _idleTimeout) != 0)
        {
            Volatile.Write(ref _lastActivity, Environment.TickCount64);
        }
    }

    private void OnIdleTimeout(TimeSpan timeout)
    {
        Log.ConnectionTimedOut(Settings.Logger, Connection.ConnectionId, timeout);
        string message = $"The connection was idle for {timeout}: no byte was received or sent.";
        Abort(new ConnectionAbortedException(message, new TimeoutException(message)));
    }
}
