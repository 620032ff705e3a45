using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>The idle timeout. The loop's wheel finds out about bytes that have moved when the old deadline
/// comes.</content>
internal sealed partial class ConnectionIo
{
    private IdleTimer _idle;

    internal int IdleMilliseconds => _idle.Timeout;

    /// <summary>What is left of the timeout, in milliseconds.</summary>
    internal long IdleTimeRemaining => _idle.Remaining;

    /// <summary>Another timeout, 0 for none; its time begins now.</summary>
    internal void SetIdleTimeout(int milliseconds)
    {
        _idle.Reset(milliseconds);
        if (milliseconds != 0)
        {
            Post(LoopCommand.UpdateTimer);
        }
    }

    /// <summary>Bytes have come or gone.</summary>
    internal void RecordActivity() => _idle.RecordActivity();

    /// <summary>True if readiness is queued, or bytes wait in the socket or in the reader.</summary>
    internal bool HasUnreadBytes
        => PendingEvents != 0 || Reader.IsBehind || (!_receiver.HasEnded && Sys.BytesAvailable(Descriptor) > 0);

    internal override Completion OnTimer(long now)
        => _closed || IsShutDown ? Completion.None : _idle.OnTimer(this, now);

    private void StartIdleTimer()
    {
        _idle.RecordActivity();
        SetIdleTimer();
    }

    private void SetIdleTimer()
    {
        int timeout = _idle.Timeout;
        if (timeout != 0 && _registered)
        {
            Loop.SetTimer(this, _idle.GetDeadline(timeout));
        }
    }

    private void OnIdleTimeout(TimeSpan timeout)
    {
        Log.ConnectionTimedOut(Settings.Logger, Connection.ConnectionId, timeout);
        string message = $"The connection was idle for {timeout}: no byte was received or sent.";
        Abort(new ConnectionAbortedException(message, new TimeoutException(message)));
    }
}
