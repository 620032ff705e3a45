using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>A listener whose backlog is full, so that further clients neither get in nor hear no.</summary>
internal sealed class FullBacklogListener : IDisposable
{
    private readonly Socket _listener;
    private readonly List<Socket> _before = [];

    private FullBacklogListener(Socket listener) => _listener = listener;

    public EndPoint EndPoint => _listener.LocalEndPoint!;

    public static async Task<FullBacklogListener> TcpAsync()
    {
        var door = new FullBacklogListener(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        door._listener.Bind(TestServerSetup.FreeLoopbackPort);
        door._listener.Listen(0);
        await door.FillAsync();
        return door;
    }

    public static FullBacklogListener Unix()
    {
        var door = new FullBacklogListener(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
        door._listener.Bind(new UnixDomainSocketEndPoint("\0fdm-door-" + Guid.NewGuid().ToString("N")));
        door._listener.Listen(1);
        while (true)
        {
            var client =
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
            door._before.Add(client);
            try
            {
                client.Connect(door.EndPoint);
            }
            catch (SocketException)
            {
                return door;
            }
        }
    }

    public async Task OpenAsync()
    {
        for (int i = 0; i < _before.Count; i++)
        {
            _before[i].Dispose();
        }

        (await _listener.AcceptAsync().Within("an accepted connection")).Dispose();
    }

    public void Dispose()
    {
        _before.ForEach(client => client.Dispose());
        _listener.Dispose();
    }

    /// <summary>
    /// The kernel drops the SYN of a client that finds the backlog full, so a connect that stays pending shows that it
    /// is.
    /// </summary>
    private async Task FillAsync()
    {
        while (true)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _before.Add(client);
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            try
            {
                await client.ConnectAsync(EndPoint, patience.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (_before.Count > 64)
            {
                throw new IOException("The backlog does not fill up.");
            }
        }
    }
}
