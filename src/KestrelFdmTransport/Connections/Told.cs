using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>The kinds of a connection's <see cref="Notice"/>.</summary>
internal static class Told
{
    /// <summary>Bytes have come: a waiting read may have what it asked for.</summary>
    internal const int Received = Notice.FirstOwn;

    internal const int Paused = Notice.FirstOwn << 1;

    internal const int Resumed = Notice.FirstOwn << 2;

    /// <summary>The peer's FIN.</summary>
    internal const int Fin = Notice.FirstOwn << 3;

    /// <summary>The peer's reset.</summary>
    internal const int Reset = Notice.FirstOwn << 4;

    /// <summary>Another error of the socket, or what the application has completed its reader with.</summary>
    internal const int Error = Notice.FirstOwn << 5;

    /// <summary>The input is over.</summary>
    internal const int InputEnded = Notice.FirstOwn << 6;

    /// <summary>The gate was left after sending; blocks to give back may come with it.</summary>
    internal const int Sent = Notice.FirstOwn << 7;

    /// <summary>The epoll has no room for the connection.</summary>
    internal const int Refused = Notice.FirstOwn << 8;

    /// <summary>The descriptor is closed.</summary>
    internal const int Closed = Notice.FirstOwn << 9;

    /// <summary>No byte has moved for the time of the idle timeout, which comes with it.</summary>
    internal const int TimedOut = Notice.FirstOwn << 10;
}
