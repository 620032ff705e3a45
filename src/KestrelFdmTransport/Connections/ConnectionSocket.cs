using System;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What <c>IConnectionSocketFeature.Socket</c> gives: disposing it ends the connection, as with Sockets.
/// </summary>
/// <remarks>
/// It costs no descriptor: its handle has the connection's own number, and will close it. Until the connection has no
/// use for the number any more it holds a reference to the handle, so that nothing the application does closes it. If
/// the application disposes of the socket before, the handle is given another number to close, and the connection
/// closes its own.
/// </remarks>
internal sealed class ConnectionSocket : Socket
{
    private readonly ConnectionIo _io;
    private readonly SafeSocketHandle _handle;
    private int _held;
    private int _disposed;
    private bool _isTakenAway;
    private volatile bool _disposedByTransport;
    private volatile bool _hasEndedConnection;

    private ConnectionSocket(SafeSocketHandle handle, ConnectionIo io)
        : base(handle)
    {
        _io = io;
        _handle = handle;
        _held = 1;
        try
        {
            // The descriptor is non-blocking, and the base class has noticed; synchronous calls must block all the
            // same, which the class does by itself once it has seen the property change.
            Blocking = false;
            Blocking = true;
        }
        catch
        {
            GC.SuppressFinalize(this);
            throw;
        }
    }

    /// <summary>
    /// True once the handle has another number than the connection's. Under a pin, or when there are no pins any more.
    /// </summary>
    internal bool IsDetached { get; private set; }

    /// <summary>True once the application has disposed of the socket while the connection was not shut down.</summary>
    internal bool HasEndedConnection => _hasEndedConnection;

    /// <summary>Inside the send gate. If it throws, the number is the connection's as before.</summary>
    internal static ConnectionSocket Create(ConnectionIo io)
    {
        io.Sender.AssertInsideGate();
        FaultPoints.Hit(FaultPoint.SocketMade);

        // Should anything throw, the reference is never released, and so the handle closes nothing.
        var handle = new SafeSocketHandle(io.Descriptor, ownsHandle: true);
        bool held = false;
        handle.DangerousAddRef(ref held);
        return new ConnectionSocket(handle, io);
    }

    /// <summary>For a connection that has ended: as if the application had taken the socket in time.</summary>
    internal static Socket CreateDisposed(AddressFamily? family, bool isUnix)
    {
        ProtocolType protocol = isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp;
        var socket = new Socket(family ?? AddressFamily.InterNetwork, SocketType.Stream, protocol);
        socket.Dispose();
        return socket;
    }

    /// <summary>What Sockets' receive fails with when the socket is closed under it.</summary>
    internal static SocketException CreateAbortedException() => new((int)SocketError.OperationAborted);

    /// <summary>
    /// Gives the handle a duplicate in place of the connection's number. A call that has begun goes on with the number
    /// that it has read: the pin that the caller has keeps that open until the handle is disposed of, which waits for
    /// such calls.
    /// </summary>
    /// <returns>False if there is no descriptor for it: then the connection's end disposes of the socket.</returns>
    private bool TryDetach()
    {
        int duplicate = _handle.IsClosed ? -Errno.EBADF : Sys.Duplicate(_io.Descriptor);
        if (duplicate < 0)
        {
            return false;
        }

        Marshal.InitHandle(_handle, duplicate);
        IsDetached = true;
        Release();
        return true;
    }

    /// <summary>The connection has no use for the number any more. The next disposal of the handle closes it.</summary>
    internal void Release()
    {
        if (Interlocked.Exchange(ref _held, 0) != 0)
        {
            // It cannot be closed under the reference, unless the application has taken the number out of it
            // (SetHandleAsInvalid) and closes that itself. The base class would wait for ever for such a handle to be
            // released.
            _isTakenAway = _handle.IsClosed;
            _handle.DangerousRelease();
        }
    }

    /// <summary>The connection has ended, and so does what the application still does with its socket.</summary>
    /// <remarks>
    /// On the pool: the base class waits until the handle has been released by everything that uses it, which may be
    /// the application's code.
    /// </remarks>
    internal void EndLater()
        => ThreadPool.UnsafeQueueUserWorkItem(static socket => socket.End(), this, preferLocal: false);

    private void End()
    {
        try
        {
            _disposedByTransport = true;
            Dispose();
        }
        catch (Exception exception)
        {
            Log.UnexpectedException(_io.Settings.Logger, _io.Connection.ConnectionId, exception);
        }

        _io.Connection.OnDescriptorClosed();
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            // The connection is not reachable any more either. The base class would wait for the reference.
            Release();
        }
        else if (!_disposedByTransport)
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                DisposeByApplication();
            }

            return;
        }

        if (!_isTakenAway)
        {
            base.Dispose(disposing);
        }
    }

    private void DisposeByApplication()
    {
        if (!_io.Sender.TryPin())
        {
            // The connection has ended: its number is the handle's, or will be in a moment.
            base.Dispose(true);
            return;
        }

        try
        {
            if (TryDetach())
            {
                base.Dispose(true);
            }
        }
        finally
        {
            _io.Sender.Unpin();
            if (!_io.IsShutDown)
            {
                _hasEndedConnection = true;
                _io.OnSocketDisposed();
            }
        }
    }
}
