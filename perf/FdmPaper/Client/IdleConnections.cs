using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>Connections that say nothing.</summary>
internal sealed class IdleConnections : IDisposable
{
    /// <summary>A port pair is used once per address, and the kernel's range may be as small as 28,000.</summary>
    private const int PerAddress = 16_384;

    private const int IpLevel = 0;
    private const int BindAddressNoPort = 24;

    private readonly List<Socket> _sockets = [];

    internal IdleConnections(int port, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                // Ended by a reset: no port is left behind in TIME_WAIT.
                LingerState = new LingerOption(enable: true, seconds: 0),
            };
            _sockets.Add(socket);
            if (i >= PerAddress)
            {
                socket.SetRawSocketOption(IpLevel, BindAddressNoPort, [1, 0, 0, 0]);
                socket.Bind(new IPEndPoint(new IPAddress(new byte[] { 127, 0, 0, (byte)(1 + (i / PerAddress)) }), 0));
            }

            socket.Connect(IPAddress.Loopback, port);
        }
    }

    public void Dispose() => _sockets.ForEach(static socket => socket.Dispose());
}
