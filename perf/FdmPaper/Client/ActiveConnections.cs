using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.FdmPaper.Interop;
using KestrelFdmTransport.FdmPaper.Servers;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>
/// Connections with one request outstanding at most, driven by one thread that allocates nothing meanwhile.
/// </summary>
internal sealed class ActiveConnections : IDisposable
{
    private const int MostSamples = 4_000_000;

    private static readonly byte[] s_request = new byte[Reply.RequestLength];
    private static readonly long[] s_samples = new long[MostSamples];

    private readonly EpollMultiplexer _epoll = new();
    private readonly List<Socket> _sockets = [];
    private readonly Dictionary<int, int> _received = [];
    private readonly Dictionary<int, long> _due = [];
    private readonly Queue<int> _free = new();
    private readonly byte[] _buffer = new byte[4096];
    private readonly int[] _ready = new int[512];
    private int _sampleCount;

    internal ActiveConnections(int port, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
                LingerState = new LingerOption(enable: true, seconds: 0),
            };
            _sockets.Add(socket);
            socket.Connect(IPAddress.Loopback, port);
            socket.Blocking = false;
            int descriptor = (int)socket.Handle;
            _epoll.Add(descriptor, isListener: false);
            _received[descriptor] = 0;
            _due[descriptor] = 0;
            _free.Enqueue(descriptor);
        }
    }

    /// <summary>Requests for a time, and then until the last reply.</summary>
    /// <param name="rate">Requests per second; 0: each connection sends as soon as it has its reply.</param>
    /// <param name="duration">How long requests are sent.</param>
    /// <param name="server">Whose CPU time is taken.</param>
    internal Measurement Run(int rate, TimeSpan duration, ServerProcess server)
    {
        _sampleCount = 0;
        long cpu = server.CpuTime;
        long waited = server.WaitedTime + SchedulerStatistics.WaitedTime("/proc/thread-self");
        long started = Stopwatch.GetTimestamp();
        long end = started + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        double interval = rate == 0 ? 0 : (double)Stopwatch.Frequency / rate;
        long sent = 0;
        while (true)
        {
            long now = Stopwatch.GetTimestamp();
            if (now < end)
            {
                while (_free.Count > 0 && (rate == 0 || started + (sent * interval) <= now))
                {
                    // With a rate the clock runs from the moment a request was due, whether or not a connection was
                    // free.
                    Send(_free.Dequeue(), rate == 0 ? now : started + (long)(sent * interval));
                    sent++;
                }
            }
            else if (_free.Count == _sockets.Count)
            {
                break;
            }

            // At a rate it spins: a wait of a millisecond would be too coarse.
            Receive(rate == 0 || now >= end ? 1_000 : 0);
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        cpu = server.CpuTime - cpu;
        waited = server.WaitedTime + SchedulerStatistics.WaitedTime("/proc/thread-self") - waited;
        Span<long> samples = s_samples.AsSpan(0, _sampleCount);
        samples.Sort();
        return new Measurement(
            sent / seconds,
            cpu / 1_000.0 / Math.Max(1, sent),
            Microseconds(samples, 0.5),
            Microseconds(samples, 0.99),
            waited / (seconds * 1_000_000_000));
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _sockets.ForEach(static socket => socket.Dispose());
    }

    private static double Microseconds(ReadOnlySpan<long> sorted, double quantile)
        => sorted.IsEmpty ? double.NaN : sorted[(int)((sorted.Length - 1) * quantile)] * 1_000_000.0
            / Stopwatch.Frequency;

    private void Send(int descriptor, long due)
    {
        _received[descriptor] = 0;
        _due[descriptor] = due;
        if (Sys.Send(descriptor, s_request) != s_request.Length)
        {
            throw new InvalidOperationException("The server has ended a connection.");
        }
    }

    private void Receive(int timeoutMilliseconds)
    {
        int count = _epoll.Wait(_ready, timeoutMilliseconds);
        for (int i = 0; i < count; i++)
        {
            int descriptor = _ready[i];
            int received = Sys.Receive(descriptor, _buffer);
            if (received <= 0)
            {
                throw new InvalidOperationException("The server has ended a connection.");
            }

            _received[descriptor] += received;
            if (_received[descriptor] == Reply.Bytes.Length)
            {
                _free.Enqueue(descriptor);
                if (_sampleCount < MostSamples)
                {
                    s_samples[_sampleCount++] = Stopwatch.GetTimestamp() - _due[descriptor];
                }
            }
        }
    }
}
