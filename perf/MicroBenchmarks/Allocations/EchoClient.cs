using System;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.MicroBenchmarks.Allocations;

/// <summary>One thread, blocking sockets, spans: nothing here allocates after the constructor.</summary>
internal sealed class EchoClient : IDisposable
{
    private readonly Socket[] _sockets;
    private readonly byte[] _request = new byte[128];
    private readonly byte[] _reply = new byte[128];

    internal EchoClient(int port, int connections)
    {
        _sockets = new Socket[connections];
        for (int i = 0; i < connections; i++)
        {
            _sockets[i] =
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets[i].Connect(IPAddress.Loopback, port);
        }
    }

    internal void Run(int requests)
    {
        for (int done = 0; done < requests; done += _sockets.Length)
        {
            foreach (Socket socket in _sockets)
            {
                socket.Send(_request.AsSpan());
            }

            foreach (Socket socket in _sockets)
            {
                for (int received = 0; received < _reply.Length;)
                {
                    int count = socket.Receive(_reply.AsSpan(received));
                    received +=
                        count > 0 ? count : throw new InvalidOperationException("The server has ended a connection.");
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (Socket socket in _sockets)
        {
            socket.Dispose();
        }
    }
}
