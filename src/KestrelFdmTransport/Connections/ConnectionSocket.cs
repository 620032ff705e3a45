using System.Net.Sockets;

namespace KestrelFdmTransport.Connections;

/// <summary>What <c>IConnectionSocketFeature.Socket</c> gives: disposing it ends the connection, as with Sockets.</summary>
internal sealed class ConnectionSocket : Socket
{
    private readonly ConnectionIo _io;
    private bool _disposedByTransport;

    internal ConnectionSocket(SafeSocketHandle handle, ConnectionIo io)
        : base(handle)
    {
        _io = io;

        // The descriptor is non-blocking, and the base class has noticed; synchronous calls must block all the same, which the class
        // does by itself once it has seen the property change.
        Blocking = false;
        Blocking = true;
    }

    internal void DisposeByTransport()
    {
        _disposedByTransport = true;
        Dispose();
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);

        if (disposing && !_disposedByTransport)
        {
            _io.OnSocketDisposed();
        }
    }
}
