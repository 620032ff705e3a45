using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>The thread of <see cref="EpollLoad"/>.</summary>
internal sealed class EpollRun : IDisposable
{
    /// <summary>Not counted: connecting, and the first meeting of server and load.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(300);

    /// <summary>Less than the listen sockets' backlog.</summary>
    private const int ConnectAtOnce = 200;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static readonly long s_millisecond = Stopwatch.Frequency / 1000;

    private readonly ServerProcess _server;
    private readonly AlternatingRun? _alternation;
    private readonly LoadGroup[] _groups;
    private readonly LoadConnection[] _connections;
    private readonly byte[] _address;
    private readonly byte[] _buffer = new byte[256 * 1024];
    private readonly Random _random = new(1);
    private readonly EpollEventBuffer _events = new(1024);
    private readonly int _epoll = Sys.EpollCreate();

    /// <summary>Who sends when, in ticks of the stopwatch.</summary>
    private readonly PriorityQueue<LoadConnection, long> _due = new();

    private int _connecting;
    private bool _started;

    internal EpollRun(ServerProcess server, Endpoint endpoint, LoadGroup[] groups, AlternatingRun? alternation)
    {
        _server = server;
        _alternation = alternation;
        _groups = groups;
        _connections = [.. groups.SelectMany(group => Enumerable.Repeat(group, group.Clients.Connections)).Select(
            (group, index) => new LoadConnection(group, index))];
        SocketAddress address = new IPEndPoint(IPAddress.Loopback, server.Port(endpoint)).Serialize();
        _address = address.Buffer.Span[..address.Size].ToArray();
    }

    internal LoadOutcome Run(TimeSpan duration, CancellationToken cancellation)
    {
        ConnectAll(cancellation);
        foreach (LoadGroup group in _groups)
        {
            LoadConnection[] members = [.. _connections.Where(connection => connection.Group == group)];
            Array.ForEach(group.Clients.Speakers?.Choose(members, LoopQuery.Ask) ?? members, Start);
        }

        Serve(s_settle, cancellation);
        Array.ForEach(_groups, group => group.Clear());
        _alternation?.Begin(_groups.Length);
        ServerUsage before = _server.Usage();
        double seconds = Serve(duration, cancellation);
        ServerUsage usage = _server.Usage() - before;
        long answered = _groups.Sum(group => group.Requests);
        if (answered == 0)
        {
            throw new ServerException("There was no answer.");
        }

        Array.ForEach(_groups, group => group.CountStarved(_connections));
        return new LoadOutcome([.. _groups.Select(group => group.Outcome(seconds))], answered, usage);
    }

    public void Dispose()
    {
        foreach (LoadConnection connection in _connections)
        {
            if (connection.Descriptor >= 0)
            {
                // Without a time of waiting: there are not ports enough for many runs.
                _ = Sys.ResetConnection(connection.Descriptor);
                _ = Sys.Close(connection.Descriptor);
            }
        }

        _ = Sys.Close(_epoll);
    }

    private void ConnectAll(CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < _connections.Length; i++)
        {
            Connect(_connections[i]);
            while (_connecting == ConnectAtOnce || (_connecting > 0 && i == _connections.Length - 1))
            {
                WaitForEvents(100, cancellation);
                if (Stopwatch.GetElapsedTime(started) > s_patience)
                {
                    throw new ServerException("The server does not accept in time.");
                }
            }
        }

        _started = true;
    }

    private void WaitForEvents(int timeout, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        int count = Sys.EpollWait(_epoll, _events, timeout);
        for (int i = 0; i < count; i++)
        {
            OnReady(_connections[(int)_events.Payload(i)], _events.Events(i));
        }
    }

    /// <summary>Returns how many seconds it took.</summary>
    private double Serve(TimeSpan duration, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        long end = started + Ticks(duration);
        long now = started;
        while (now < end)
        {
            WaitForEvents(Timeout(now, end), cancellation);
            now = Stopwatch.GetTimestamp();
            while (_due.TryPeek(out LoadConnection? connection, out long due) && due <= now)
            {
                _due.Dequeue();
                GoOn(connection);
            }
        }

        return Stopwatch.GetElapsedTime(started, now).TotalSeconds;
    }

    /// <summary>Milliseconds; zero for what is due sooner, because the kernel counts in no less here.</summary>
    private int Timeout(long now, long end)
    {
        long next = _due.TryPeek(out _, out long due) ? Math.Min(due, end) : end;
        return (int)Math.Clamp((next - now) / s_millisecond, 0, 100);
    }

    private void Connect(LoadConnection connection)
    {
        connection.SentAt = Stopwatch.GetTimestamp();
        int descriptor = Sys.Socket(Sys.AddressFamilyInet);
        Syscall.Check(descriptor, "socket");
        connection.Descriptor = descriptor;
        connection.Connecting = true;
        _connecting++;
        connection.Reader = new ResponseReader();
        Syscall.Check(SocketOptions.SetNoDelay(descriptor), "setsockopt");
        int result = Sys.Connect(descriptor, _address);
        if (result != -Errno.EINPROGRESS)
        {
            Syscall.Check(result, "connect");
        }

        Syscall.Check(Sys.EpollAdd(_epoll, descriptor, EpollFlags.Connection, (ulong)connection.Index), "epoll_ctl");
    }

    private void OnReady(LoadConnection connection, uint events)
    {
        if (connection.Connecting)
        {
            if ((events & (EpollFlags.Out | EpollFlags.Err | EpollFlags.Hup)) == 0)
            {
                return;
            }

            Syscall.Check(SocketOptions.GetError(connection.Descriptor), "connect");
            connection.Connecting = false;
            _connecting--;
            if (_started)
            {
                Begin(connection, connection.Group.Clients.Pause.IsNone ? Stopwatch.GetTimestamp() : connection.SentAt);
            }

            return;
        }

        if ((events & EpollFlags.Out) != 0 && connection.Sent < connection.Sending.Length)
        {
            connection.Send();
        }

        if ((events & ~EpollFlags.Out) != 0)
        {
            Receive(connection, toTheEnd: (events & (EpollFlags.RdHup | EpollFlags.Err | EpollFlags.Hup)) != 0);
        }
    }

    private void Start(LoadConnection connection)
    {
        Pause pause = connection.Group.Clients.Pause;
        if (pause.IsNone)
        {
            GoOn(connection);
            return;
        }

        // Not all at once.
        _due.Enqueue(connection, Stopwatch.GetTimestamp() + Ticks(pause.Most * _random.NextDouble()));
    }

    private void GoOn(LoadConnection connection)
    {
        if (connection.Descriptor < 0)
        {
            Connect(connection);
        }
        else
        {
            Begin(connection, Stopwatch.GetTimestamp());
        }
    }

    private void Begin(LoadConnection connection, long since)
    {
        LoadGroup group = connection.Group;
        connection.Slow = group.Clients.SlowPermille > 0 && _random.Next(1000) < group.Clients.SlowPermille;
        connection.Sending = connection.Slow ? group.SlowBytes : group.Bytes;
        connection.Sent = 0;
        connection.Waiting = group.Clients.Depth;
        connection.SentAt = since;
        connection.Spell = _alternation?.Current;
        connection.Send();
    }

    private void Receive(LoadConnection connection, bool toTheEnd)
    {
        while (true)
        {
            int result = Sys.Receive(connection.Descriptor, _buffer);
            if (result == -Errno.EAGAIN)
            {
                return;
            }

            Syscall.Check(result, "recv");
            if (result == 0)
            {
                throw new ServerException("The server has closed a connection.");
            }

            ReadOnlySpan<byte> data = _buffer.AsSpan(0, result);
            while (!data.IsEmpty && connection.Reader.TryReadOne(ref data))
            {
                OnAnswer(connection);
            }

            if (connection.Waiting == 0 && OnAllAnswered(connection))
            {
                return;
            }

            if (result < _buffer.Length && !toTheEnd)
            {
                return;
            }
        }
    }

    private static void OnAnswer(LoadConnection connection)
    {
        if (connection.Waiting-- == 0)
        {
            throw new ServerException("There was an answer without request.");
        }

        long nanoseconds = (long)Stopwatch.GetElapsedTime(connection.SentAt).TotalNanoseconds;
        (connection.Slow ? connection.Group.SlowLatencies : connection.Group.Latencies).Record(nanoseconds);
        connection.Spell?.Latencies[connection.Group.Index].Record(nanoseconds);
    }

    /// <summary>True if the connection is another one now.</summary>
    private bool OnAllAnswered(LoadConnection connection)
    {
        ClientGroup clients = connection.Group.Clients;
        if (clients.Request.Close)
        {
            _ = Sys.Close(connection.Descriptor);
            connection.Descriptor = -1;
        }

        if (clients.Pause.IsNone)
        {
            GoOn(connection);
            return clients.Request.Close;
        }

        long from = clients.Pause.Paced ? connection.SentAt : Stopwatch.GetTimestamp();
        _due.Enqueue(connection, from + Ticks(clients.Pause.Draw(_random)));
        return clients.Request.Close;
    }

    private static long Ticks(TimeSpan time) => time.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond;
}
