using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>The options of a socket as the kernel has them.</summary>
internal static class SocketOptions
{
    private const int SolSocket = 1;
    private const int SolIP = 0;
    private const int SolTcp = 6;
    private const int SolIPv6 = 41;
    private const int CloseOnExec = 0x80000;
    private const int TcpInfo = 11;
    private const int BacklogOffset = 28;

    private static readonly (string Name, int Level, int Option)[] s_any =
    [
        ("SO_TYPE", SolSocket, 3), ("SO_REUSEADDR", SolSocket, 2), ("SO_REUSEPORT", SolSocket, 15),
        ("SO_BROADCAST", SolSocket, 6), ("SO_DONTROUTE", SolSocket, 5), ("SO_OOBINLINE", SolSocket, 10),
        ("SO_KEEPALIVE", SolSocket, 9), ("SO_LINGER", SolSocket, 13), ("SO_ACCEPTCONN", SolSocket, 30),
        ("SO_PASSCRED", SolSocket, 16), ("SO_PRIORITY", SolSocket, 12), ("SO_MARK", SolSocket, 36),
        ("SO_TIMESTAMP", SolSocket, 29), ("SO_BUSY_POLL", SolSocket, 46), ("SO_RCVLOWAT", SolSocket, 18),
        ("SO_SNDLOWAT", SolSocket, 19), ("SO_RCVTIMEO", SolSocket, 20), ("SO_SNDTIMEO", SolSocket, 21),
        ("SO_ZEROCOPY", SolSocket, 60),
    ];

    private static readonly (string Name, int Level, int Option)[] s_tcp =
    [
        ("TCP_NODELAY", SolTcp, 1), ("TCP_CORK", SolTcp, 3), ("TCP_KEEPIDLE", SolTcp, 4), ("TCP_KEEPINTVL", SolTcp, 5),
        ("TCP_KEEPCNT", SolTcp, 6),
        ("TCP_LINGER2", SolTcp, 8),
        ("TCP_DEFER_ACCEPT", SolTcp, 9),
        ("TCP_WINDOW_CLAMP", SolTcp, 10),
        ("TCP_USER_TIMEOUT", SolTcp, 18), ("TCP_FASTOPEN", SolTcp, 23), ("TCP_NOTSENT_LOWAT", SolTcp, 25),
    ];

    private static readonly (string Name, int Level, int Option)[] s_ipv4 =
        [("IP_TOS", SolIP, 1), ("IP_TTL", SolIP, 2)];

    private static readonly (string Name, int Level, int Option)[] s_ipv6 =
        [("IPV6_V6ONLY", SolIPv6, 26), ("IPV6_UNICAST_HOPS", SolIPv6, 16), ("IPV6_TCLASS", SolIPv6, 67)];

    /// <summary>What connection and listen sockets should have in common with those of Sockets.</summary>
    public static IEnumerable<string> Describe(Socket socket)
    {
        IEnumerable<(string Name, int Level, int Option)> options = socket.AddressFamily switch
        {
            AddressFamily.InterNetwork => s_any.Concat(s_tcp).Concat(s_ipv4),
            AddressFamily.InterNetworkV6 => s_any.Concat(s_tcp).Concat(s_ipv6),
            _ => s_any,
        };
        return options
            .Select(option => $"{option.Name} {Read(socket, option.Level, option.Option)}")
            .Append($"close on exec {IsCloseOnExec(socket)}");
    }

    public static string Read(Socket socket, int level, int option)
    {
        Span<byte> value = stackalloc byte[32];
        try
        {
            int length = socket.GetRawSocketOption(level, option, value);
            return Convert.ToHexString(value[..length]);
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode.ToString();
        }
    }

    /// <summary>The length of a listening TCP socket's queue.</summary>
    public static int Backlog(Socket socket)
    {
        Span<byte> info = stackalloc byte[BacklogOffset + sizeof(int)];
        socket.GetRawSocketOption(SolTcp, TcpInfo, info);
        return BitConverter.ToInt32(info[BacklogOffset..]);
    }

    private static bool IsCloseOnExec(Socket socket)
    {
        string flags = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{socket.Handle}"))
            .First(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return (Convert.ToInt32(flags[6..].Trim(), 8) & CloseOnExec) != 0;
    }
}
