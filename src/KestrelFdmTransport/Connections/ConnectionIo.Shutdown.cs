using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Ending: the reason, what the peer sees of it, and the close.</content>
internal sealed partial class ConnectionIo
{
    private const string GracefulMessage = "The Socket transport's send loop completed gracefully.";

    /// <summary>Stands for a graceful end until somebody asks for the exception, which few do.</summary>
    private static readonly Exception s_graceful = new ConnectionAbortedException(GracefulMessage);

    private Exception? _shutdownReason;

    // Written by the thread that shuts down, before its command; read by the threads that end the output, after the
    // close that follows.
    private Exception? _outputError;

    internal bool IsShutDown => Volatile.Read(ref _shutdownReason) is not null;

    /// <summary>
    /// Why the connection was shut down. A new exception for a graceful end, so that stack traces do not pile up.
    /// </summary>
    internal Exception? ShutdownReason
    {
        get
        {
            Exception? reason = Volatile.Read(ref _shutdownReason);
            return ReferenceEquals(reason, s_graceful) ? new ConnectionAbortedException(GracefulMessage) : reason;
        }
    }

    /// <summary>Ends the connection now; what is unsent is dropped. Any thread; null means FIN.</summary>
    /// <remarks>
    /// The peer sees it at once, and the log. What the application sees, the end of its reads, its token and the end of
    /// its flushes, comes from the close, in this order, whatever has ended the connection. A flush that waits must not
    /// go on before: Kestrel aborts first and schedules its own token afterwards, and until that has fired a handler
    /// would take every write for sent.
    /// </remarks>
    internal void Abort(Exception? reason) => Shutdown(reason, outputError: null);

    private void Shutdown(Exception? reason, Exception? outputError)
    {
        // Before the wire is touched: a failing recv then knows that it was to be expected.
        if (Interlocked.CompareExchange(ref _shutdownReason, reason ?? s_graceful, null) is not null)
        {
            return;
        }

        _outputError = outputError;
        bool reset = reason is not null && !Settings.FinOnError;
        if (reset)
        {
            Log.ConnectionWriteRst(Settings.Logger, Connection.ConnectionId, GetMessage(reason!));
        }
        else
        {
            Log.ConnectionWriteFin(
                Settings.Logger, Connection.ConnectionId, reason is null ? GracefulMessage : GetMessage(reason));
        }

        _gate.Request(reset);
        if (_gate.TryEnter() == SendGate.Entry.Entered)
        {
            ReturnSent(SendAndRelease(MaxSendShareElsewhere));
        }

        Post(LoopCommand.Close);
    }

    /// <summary>
    /// The last that an application sees of the end. Any thread, any number of times, after the close.
    /// </summary>
    internal void CompleteOutput()
    {
        try
        {
            Writer.CompleteConsumer(_outputError);
        }
        catch (OutOfMemoryException)
        {
            // Without memory for the error it ends without.
            Writer.CompleteConsumer(error: null);
        }

        // What was flushed since the close, and was left to a thread of the pool, must be back before the connection
        // has been disposed of.
        Writer.DropFlushed();
    }

    /// <summary>The message may be user code, and the end must come whatever it throws.</summary>
    private static string GetMessage(Exception reason)
    {
        try
        {
            return reason.Message;
        }
        catch (Exception)
        {
            return reason.GetType().Name;
        }
    }

    /// <summary>
    /// No thread waits at the close for what the peer has not acknowledged, whatever the application has set, on this
    /// socket or on the one that has accepted it.
    /// </summary>
    private void ClearLingerTime()
    {
        if (_socket is not null || Settings.InheritsOptions)
        {
            Sys.ClearLingerTime(_descriptor);
        }
    }

    internal override Completion OnClose()
    {
        if (_closed || !_gate.TryShut())
        {
            // Somebody is still sending: the last one out posts the close again.
            return Completion.None;
        }

        _closed = true;
        if (_registered)
        {
            Loop.Deregister(this);
        }

        ClearLingerTime();
        if (_socket is not ConnectionSocket taken)
        {
            Sys.Close(_descriptor);
        }
        else
        {
            // Another descriptor of the socket's, or a late close, would keep it in the epoll beyond its slot's end.
            Loop.Disarm(_descriptor);
            if (taken.IsDetached)
            {
                Sys.Close(_descriptor);
            }
            else
            {
                // The telling disposes of the socket, which closes the number; or the application at this moment.
                taken.Release();
            }
        }

        Loop.OnConnectionClosed();
        Settings.Endpoint.OnConnectionEnded(_profile.Average);
        return TakeUndelivered(OnInputEnd(new Completion(CompletionFlags.Closed), 0, null));
    }
}
