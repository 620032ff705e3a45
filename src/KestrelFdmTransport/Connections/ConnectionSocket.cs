using System.Net.Sockets;

namespace KestrelFdmTransport.Connections;

/// <summary>What <c>IConnectionSocketFeature.Socket</c> gives: disposing it ends the connection, as with Sockets.</summary>
internal sealed class ConnectionSocket : Socket
{
    private readonly ConnectionIo _io;
    private bool _disposedByTransport;

    internal ConnectionSocket(SafeSocketHandle handle, ConnectionIo io)
        : base(handle)
        => _io = io;

    internal void DisposeByTransport()
    {
        _disposedByTransport = true;
        Dispose();
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);

        // A pending receive makes Sockets' own close abortive, and there always is one; so this end is a reset too.
        if (disposing && !_disposedByTransport)
        {
            _io.OnSocketDisposed();
        }
    }
}
