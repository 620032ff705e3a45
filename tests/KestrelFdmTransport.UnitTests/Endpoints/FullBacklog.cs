using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>
/// A Unix listener that accepts no client and has a full backlog, so that a connect must be retried again and again.
/// </summary>
internal sealed class FullBacklog : IDisposable
{
    private readonly Socket _listener = NewSocket();
    private readonly List<Socket> _clients = [];

    public FullBacklog()
    {
        _listener.Bind(new UnixDomainSocketEndPoint("\0fdm-full-" + Guid.NewGuid().ToString("N")));
        _listener.Listen(1);
        try
        {
            while (true)
            {
                Socket client = NewSocket();
                client.Blocking = false;
                _clients.Add(client);
                client.Connect(EndPoint);
            }
        }
        catch (SocketException)
        {
            // Full.
        }
    }

    public EndPoint EndPoint => _listener.LocalEndPoint!;

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _listener.Dispose();
    }

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
}
