using System;
using System.Collections.Generic;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>What is compared, by name.</summary>
internal static class ServerKind
{
    internal const string Poll = "poll";
    internal const string Fdm = "FDM";
    internal const string Epoll = "epoll";
    internal const string Transport = "transport";

    /// <summary>All idle connections of a cell arrive at once.</summary>
    internal const int Backlog = 4096;

    internal static readonly IReadOnlyList<string> All = [Poll, Fdm, Epoll, Transport];

    /// <summary>Serves until standard input ends. The first line of output is the port.</summary>
    internal static void Serve(string mechanism, int sleepThreshold)
    {
        new Thread(static () =>
        {
            // The parent has gone, however it went.
            Console.In.ReadToEnd();
            Environment.Exit(0);
        })
        { IsBackground = true }.Start();

        if (string.Equals(mechanism, Transport, StringComparison.Ordinal))
        {
            TransportServer.RunAsync(Announce).GetAwaiter().GetResult();
            return;
        }

        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            Blocking = false,
            NoDelay = true
        };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(Backlog);
        Announce(((IPEndPoint)listener.LocalEndPoint!).Port);
        IMultiplexer multiplexer = mechanism switch
        {
            Poll => new PollMultiplexer(),
            Fdm => new FdmMultiplexer(sleepThreshold),
            Epoll => new EpollMultiplexer(),
            _ => throw new ArgumentException($"'{mechanism}' is none of {string.Join(", ", All)}.", nameof(mechanism)),
        };
        new ReplyServer(listener, multiplexer).Run();
    }

    private static void Announce(int port)
    {
        Console.WriteLine(port.ToString(CultureInfo.InvariantCulture));
        Console.Out.Flush();
    }
}
