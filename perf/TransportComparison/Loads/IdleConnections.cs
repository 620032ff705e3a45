using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Connections that have asked once and then stay silent.</summary>
internal sealed class IdleConnections : IDisposable
{
    /// <summary>Less than the listen sockets' backlog.</summary>
    private const int AtOnce = 100;

    private readonly List<Socket> _sockets = [];

    private IdleConnections()
    {
    }

    /// <param name="atOnce">How many connect at the same time; when they have their answers, the next ones
    /// come.</param>
    internal static async Task<IdleConnections> OpenAsync(
        ServerProcess server,
        Endpoint endpoint,
        int connections,
        int atOnce = AtOnce,
        CancellationToken cancellation = default)
    {
        var crowd = new IdleConnections();
        try
        {
            byte[] request = new Request().ToBytes();
            byte[] buffer = new byte[4096];
            var address = new IPEndPoint(IPAddress.Loopback, server.Port(endpoint));
            while (crowd._sockets.Count < connections)
            {
                Socket[] batch = [.. Enumerable.Range(0, Math.Min(atOnce, connections - crowd._sockets.Count)).Select(
                    _ => NewSocket())];
                crowd._sockets.AddRange(batch);
                await Task.WhenAll(batch.Select(socket => socket.ConnectAsync(address, cancellation).AsTask()));
                Array.ForEach(batch, socket => socket.Send(request));
                Array.ForEach(batch, socket => ReadOne(socket, buffer));
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

    /// <summary>Will be closed without a time of waiting: there are not ports enough for many runs.</summary>
    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        LingerState = new LingerOption(enable: true, seconds: 0),
        ReceiveTimeout = 10_000,
    };

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
