using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// Clients with threads of their own, because the pool is the server's: each sends the same again and again, and drops
/// what it is sent.
/// </summary>
internal sealed class GreedyClients : IDisposable
{
    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private readonly CountdownEvent _started;
    private volatile bool _over;

    public GreedyClients(EndPoint server, GreedyTraffic traffic, int count)
    {
        _started = new CountdownEvent(count);
        (byte[] opening, byte[] again, bool answers) = BytesOf(traffic);
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Add(socket);
            Start(() =>
            {
                socket.Connect(server);
                socket.Send(opening);
                _started.Signal();
                while (!_over)
                {
                    socket.Send(again);
                }
            });
            if (answers)
            {
                Start(() =>
                {
                    byte[] buffer = new byte[64 * 1024];
                    while (!_over && !socket.Connected)
                    {
                        Thread.Yield();
                    }

                    while (socket.Receive(buffer) > 0)
                    {
                    }
                });
            }
        }
    }

    public bool WaitUntilStarted(TimeSpan patience) => _started.Wait(patience);

    public void Dispose()
    {
        _over = true;
        foreach (Socket socket in _sockets)
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            socket.Dispose();
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _started.Dispose();
    }

    private static (byte[] Opening, byte[] Again, bool Answers) BytesOf(GreedyTraffic traffic)
    {
        byte[] filling = Encoding.ASCII.GetBytes(new string('x', 64 * 1024));
        byte[] line = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"u8.ToArray();
        byte[] preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];
        return traffic switch
        {
            GreedyTraffic.SmallReads => ("r"u8.ToArray(), filling, false),
            GreedyTraffic.TentativeReads => ("t"u8.ToArray(), filling, false),
            GreedyTraffic.Flushes => ("w"u8.ToArray(), "."u8.ToArray(), true),
            GreedyTraffic.WebSocketMessages => (
                Encoding.ASCII.GetBytes(
                    "GET /socket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: "
                        + "websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
                        + "13\r\n\r\n"),
                Repeated([0x82, 0x88, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
                true),
            GreedyTraffic.Pipelining => (line, Repeated(line), true),
            GreedyTraffic.Downloads => ("GET /stream HTTP/1.1\r\nHost: test\r\n\r\n"u8.ToArray(), [], true),
            GreedyTraffic.Uploads => (
                "POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000000\r\n\r\n"u8.ToArray(),
                filling,
                true),
            GreedyTraffic.Pings => (preface, Repeated([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), true),
            _ => ([.. preface, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1], Repeated(
                [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1]), true),
        };
    }

    private static byte[] Repeated(byte[] piece)
    {
        byte[] all = new byte[piece.Length * (32 * 1024 / piece.Length)];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = piece[i % piece.Length];
        }

        return all;
    }

    private void Start(Action body)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The case is over, or the server has had enough.
            }
        })
        {
            IsBackground = true,
        };
        _threads.Add(thread);
        thread.Start();
    }
}
