using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Connections that have asked once and then stay silent.</summary>
internal sealed class IdleCrowd : IDisposable
{
    /// <summary>Less than the listen sockets' backlog.</summary>
    private const int AtOnce = 100;

    private readonly List<Socket> _sockets = [];

    private IdleCrowd()
    {
    }

    internal static IdleCrowd Open(ServerProcess server, Endpoint endpoint, int connections)
    {
        var crowd = new IdleCrowd();
        try
        {
            byte[] request = new Request().ToBytes();
            byte[] buffer = new byte[4096];
            var address = new IPEndPoint(IPAddress.Loopback, server.Port(endpoint));
            while (crowd._sockets.Count < connections)
            {
                int first = crowd._sockets.Count;
                for (int i = first; i < Math.Min(connections, first + AtOnce); i++)
                {
                    crowd._sockets.Add(Connect(address));
                    crowd._sockets[i].Send(request);
                }

                foreach (Socket socket in crowd._sockets.Skip(first))
                {
                    ReadOne(socket, buffer);
                }
            }

            return crowd;
        }
        catch (SocketException e)
        {
            crowd.Dispose();
            throw new ServerException($"Idle connections: {e.Message}", e);
        }
        catch
        {
            crowd.Dispose();
            throw;
        }
    }

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private static Socket Connect(IPEndPoint address)
    {
        // Closed without a time of waiting: there are not ports enough for many runs.
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            LingerState = new LingerOption(enable: true, seconds: 0),
            ReceiveTimeout = 10_000,
        };
        socket.Connect(address);
        return socket;
    }

    private static void ReadOne(Socket socket, byte[] buffer)
    {
        var reader = new ResponseReader();
        bool complete = false;
        while (!complete)
        {
            int count = socket.Receive(buffer);
            if (count == 0)
            {
                throw new ServerException("The server has closed an idle connection.");
            }

            ReadOnlySpan<byte> data = buffer.AsSpan(0, count);
            complete = reader.TryReadOne(ref data);
        }
    }
}
