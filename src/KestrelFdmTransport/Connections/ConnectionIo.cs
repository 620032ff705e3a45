using System;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>The descriptor's side of a connection: receiving, sending, ending. The application's side is <see cref="FdmConnection"/>.</summary>
internal sealed partial class ConnectionIo : IoSource
{
    private readonly int _descriptor;
    private readonly bool _isUnix;
    private bool _registered;
    private bool _closed;

    internal ConnectionIo(int descriptor, bool isUnix, BlockCache blocks, ConnectionSettings settings)
    {
        _descriptor = descriptor;
        _isUnix = isUnix;

        // A read from a Unix socket stops where passed descriptors or credentials change, so a short one proves nothing.
        _readToEnd = isUnix;
        Blocks = blocks;
        Settings = settings;
        Reader = new FdmPipeReader(this);
        Writer = new FdmPipeWriter(this);
    }

    internal BlockCache Blocks { get; }

    internal ConnectionSettings Settings { get; }

    internal FdmPipeReader Reader { get; }

    internal FdmPipeWriter Writer { get; }

    internal FdmConnection Connection { get; set; } = null!;

    /// <summary>Starts receiving. On the loop's thread.</summary>
    /// <returns>Zero, or a negated error number; the descriptor is then still the caller's.</returns>
    internal int Start()
    {
        int result = Loop.Register(this, _descriptor, EpollFlags.Connection);
        _registered = result >= 0;
        return result;
    }

    /// <summary>Runs a continuation of the application, in a scope that lets its flushes wait for its end.</summary>
    internal void Run(in PipeContinuation continuation)
        => CallbackScope.Run(this, continuation.Callback, continuation.State, continuation.Context);

    /// <summary>Any thread: the application has made room, or has completed its reader.</summary>
    internal void ResumeReceiving() => Post(Mail.Resume);

    internal override void Serve(uint events)
    {
        if (_closed)
        {
            return;
        }

        NoteReadiness(events);
        if ((events & (EpollFlags.Out | EpollFlags.Hup | EpollFlags.Err)) != 0)
        {
            // A Unix socket that is shut down reports no room to send; a send that waits must find out all the same.
            OnWritable();
        }

        Receive();
    }

    internal override void OnMail(Mail mail)
    {
        if (_closed)
        {
            return;
        }

        if ((mail & Mail.Register) != Mail.None)
        {
            // Accepted by another loop and given to this one; adding reports what has arrived since.
            int result = Start();
            if (result < 0)
            {
                Abort(SocketErrors.Exception(-result));
            }
        }

        if ((mail & Mail.Close) != Mail.None)
        {
            Loop.CloseAfterTurn(this);
        }

        if ((mail & Mail.Resume) != Mail.None)
        {
            Resume();
        }
    }

    internal override void SendDeferred() => Send(Origin.Foreign);

    internal override void Fail(Exception cause)
    {
        Log.UnexpectedException(Settings.Logger, Connection.ConnectionId, cause);
        Abort(cause);
    }

    internal override void Stop() => Abort(new ConnectionAbortedException("The transport was stopped."));
}
