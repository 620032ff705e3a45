using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <content>Ending: the reason, what the peer sees of it, and the close.</content>
internal sealed partial class ConnectionIo
{
    private ShutdownCause _shutdown;

    internal bool IsShutDown => _shutdown.IsSet;

    internal Exception? ShutdownReason => _shutdown.Exception;

    /// <summary>Ends the connection now and drops unsent bytes. Any thread; null means FIN.</summary>
    /// <remarks>
    /// The peer and the log see it at once. The application sees it at the close: the end of its reads, its token, and
    /// the end of its flushes, always in this order. A pending flush must not complete earlier: Kestrel aborts first
    /// and schedules its own token afterwards, and until then a handler would take every write for sent.
    /// </remarks>
    internal void Abort(Exception? reason)
    {
        // Before the wire is touched: a failing recv then knows that it was to be expected.
        if (!_shutdown.TrySet(reason))
        {
            return;
        }

        bool reset = reason is not null && !Settings.FinOnError;
        string message = ShutdownCause.GetMessage(reason);
        if (reset)
        {
            Log.ConnectionWriteRst(Settings.Logger, Connection.ConnectionId, message);
        }
        else
        {
            Log.ConnectionWriteFin(Settings.Logger, Connection.ConnectionId, message);
        }

        Sender.Shutdown(reset);
        Post(LoopCommand.Close);
    }

    /// <summary>The output can go no further. On a stream the input may, otherwise the connection ends.</summary>
    internal void EndOutput(SendError error)
    {
        switch (error.Kind)
        {
            case SendErrorKind.Unexpected:
                Fail(error.Error);
                break;
            case SendErrorKind.Reset or SendErrorKind.KernelError when Settings.IsStream:
                Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error.Error);
                Writer.CompleteConsumer(error.Error);
                break;
            case SendErrorKind.Reset:
                Log.ConnectionReset(Settings.Logger, Connection.ConnectionId);
                Abort(new ConnectionResetException(error.Error.Message, error.Error));
                break;
            case SendErrorKind.KernelError:
                Log.ConnectionError(Settings.Logger, Connection.ConnectionId, error.Error);
                Abort(error.Error);
                break;
            default:
                Abort(error.Error);
                break;
        }
    }

    /// <summary>
    /// The last that an application sees of the end. Any thread, any number of times, after the close.
    /// </summary>
    internal void CompleteOutput()
    {
        try
        {
            // Flushes fail with the reason of the shutdown, if it has come from the output.
            Exception? error = _shutdown.Is(Writer.CompletionError) ? Writer.CompletionError : Sender.KernelError;
            Writer.CompleteConsumer(_shutdown.Is(error) ? error : null);
        }
        catch (OutOfMemoryException)
        {
            // Without memory for the error it ends without.
            Writer.CompleteConsumer(error: null);
        }
    }

    /// <summary>
    /// The close must not wait for the peer's acknowledgement, even if the application has set a linger time on this
    /// socket or on the listen socket.
    /// </summary>
    private void ClearLingerTime()
    {
        if (_socket is not null || Settings.InheritsOptions)
        {
            SocketOptions.ClearLingerTime(Descriptor);
        }
    }

    internal override Completion OnClose()
    {
        AssertOwner();
        if (_closed || !Sender.TryShut())
        {
            // A sender is inside the gate and posts the close again when it leaves.
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
            Sys.Close(Descriptor);
        }
        else
        {
            // Another descriptor of the socket's, or a late close, would keep it in the epoll beyond its slot's end.
            Loop.Disarm(Descriptor);
            if (taken.IsDetached)
            {
                Sys.Close(Descriptor);
            }
            else
            {
                // The callback disposes of the socket, which closes the number, unless the application does so first.
                taken.Release();
            }
        }

        Loop.OnConnectionClosed();
        Settings.Endpoint.OnConnectionEnded(AverageCost);
        return TakeUndelivered(_receiver.End(new Completion(CompletionFlags.Closed), CompletionFlags.None, null));
    }
}
