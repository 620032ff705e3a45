using System;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>What the kernel holds for the TCP connections over IPv4, seen without touching them.</summary>
internal static class TcpTable
{
    /// <summary>The bytes that have reached the socket of that address and are not read yet.</summary>
    public static long Unread(EndPoint local, EndPoint remote) => Queues(local, remote).Unread;

    /// <summary>
    /// The bytes that the socket of that address has taken over and that have not reached the other side yet.
    /// </summary>
    public static long Unsent(EndPoint local, EndPoint remote) => Queues(local, remote).Unsent;

    private static (long Unsent, long Unread) Queues(EndPoint local, EndPoint remote)
    {
        string wantedLocal = Format((IPEndPoint)local);
        string wantedRemote = Format((IPEndPoint)remote);
        foreach (string line in File.ReadLines("/proc/net/tcp"))
        {
            // sl, local address, remote address, state, tx_queue:rx_queue
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (string.Equals(fields[1], wantedLocal, StringComparison.Ordinal)
                && string.Equals(fields[2], wantedRemote, StringComparison.Ordinal))
            {
                string[] queues = fields[4].Split(':');
                return (Hex(queues[0]), Hex(queues[1]));
            }
        }

        return default;
    }

    private static long Hex(string digits) => long.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>The kernel prints the address as a number of the machine's byte order.</summary>
    private static string Format(IPEndPoint endPoint)
    {
        if (endPoint.AddressFamily != AddressFamily.InterNetwork)
        {
            throw new NotSupportedException("Only IPv4 is in this table.");
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{BitConverter.ToUInt32(endPoint.Address.GetAddressBytes()):X8}:{endPoint.Port:X4}");
    }
}
