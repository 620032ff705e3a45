using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.BlockingMix;

/// <summary>Connections that each send one request after the other.</summary>
internal sealed class Load(int port, int connections, int permille, string slowPath)
{
    private static readonly byte[] s_fast = Request("/");

    private readonly byte[] _slow = Request(slowPath);

    public async Task<Result> RunAsync(Server server, TimeSpan duration)
    {
        using var end = new CancellationTokenSource();
        TimeSpan cpu = server.CpuTime;
        long started = Stopwatch.GetTimestamp();
        Task<(List<double> Latencies, int Requests)>[] running = [.. Enumerable.Range(0, connections).Select(number => ConnectionAsync(number, end.Token))];
        await Task.Delay(duration, CancellationToken.None);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        cpu = server.CpuTime - cpu;
        await end.CancelAsync();
        (List<double> Latencies, int Requests)[] done = await Task.WhenAll(running);

        double[] latencies = [.. done.SelectMany(one => one.Latencies).Order()];
        int requests = Math.Max(1, done.Sum(one => one.Requests));
        return new Result(latencies.Length / seconds, At(latencies, 0.5), At(latencies, 0.99), cpu.TotalMicroseconds / requests);
    }

    private static byte[] Request(string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");

    private static double At(double[] sorted, double quantile) => sorted.Length == 0 ? double.NaN : sorted[(int)((sorted.Length - 1) * quantile)];

    private async Task<(List<double> Latencies, int Requests)> ConnectionAsync(int number, CancellationToken end)
    {
        var latencies = new List<double>();
        int requests = 0;
        var random = new Random(number);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port, CancellationToken.None);
        byte[] buffer = new byte[4096];
        while (!end.IsCancellationRequested)
        {
            bool slow = random.Next(1000) < permille;
            long sent = Stopwatch.GetTimestamp();
            await socket.SendAsync(slow ? _slow : s_fast, CancellationToken.None);
            int received = 0;
            while (!buffer.AsSpan(0, received).EndsWith("World!"u8))
            {
                int count = await socket.ReceiveAsync(buffer.AsMemory(received), CancellationToken.None);
                if (count == 0)
                {
                    throw new InvalidOperationException("The server has closed a connection.");
                }

                received += count;
            }

            requests++;
            if (!slow)
            {
                latencies.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            }
        }

        return (latencies, requests);
    }
}
