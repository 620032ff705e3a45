using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.PlaintextServer;

internal static class Answers
{
    internal static readonly byte[] Body = "Hello, World!"u8.ToArray();

    /// <summary>Keeps its CPU busy.</summary>
    internal static void Compute(TimeSpan time)
    {
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            Thread.SpinWait(20);
        }
    }

    internal static ReadOnlySpan<byte> Whole => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"u8;
}
