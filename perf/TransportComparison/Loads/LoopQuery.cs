using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Asks a server which of its event loops has a connection.</summary>
internal static class LoopQuery
{
    private static readonly byte[] s_request = new Request("/loop").ToBytes();

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    internal static int Ask(LoadConnection connection)
    {
        connection.Sending = s_request;
        connection.Sent = 0;
        connection.Send();
        Span<byte> buffer = stackalloc byte[2048];
        int length = 0;
        long started = Stopwatch.GetTimestamp();
        while (Answer(buffer[..length]).IsEmpty)
        {
            int result = Sys.Receive(connection.Descriptor, buffer[length..]);
            if (result == -Errno.EAGAIN && Stopwatch.GetElapsedTime(started) < s_patience)
            {
                Thread.Sleep(0);
                continue;
            }

            Syscall.Check(result, "recv");
            length += result > 0 ? result : throw new ServerException("The server has closed a connection.");
        }

        return int.Parse(Answer(buffer[..length]), CultureInfo.InvariantCulture);
    }

    private static ReadOnlySpan<byte> Answer(ReadOnlySpan<byte> response)
    {
        int end = response.IndexOf("\r\n\r\n"u8);
        return end < 0 ? [] : response[(end + 4)..];
    }
}
