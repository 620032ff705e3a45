using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>The kinds of a connection's <see cref="Completion"/>.</summary>
internal static class CompletionFlags
{
    /// <summary>Bytes have come: a waiting read may have what it asked for.</summary>
    internal const int Received = Completion.FirstOfSource;

    internal const int Paused = Completion.FirstOfSource << 1;

    internal const int Resumed = Completion.FirstOfSource << 2;

    /// <summary>The peer's FIN.</summary>
    internal const int Fin = Completion.FirstOfSource << 3;

    /// <summary>The peer's reset.</summary>
    internal const int Reset = Completion.FirstOfSource << 4;

    /// <summary>Another error of the socket, or what the application has completed its reader with.</summary>
    internal const int Error = Completion.FirstOfSource << 5;

    /// <summary>The input is over.</summary>
    internal const int InputEnded = Completion.FirstOfSource << 6;

    /// <summary>The gate was left after sending; blocks to give back may come with it.</summary>
    internal const int Drained = Completion.FirstOfSource << 7;

    /// <summary>The epoll has no room for the connection.</summary>
    internal const int Refused = Completion.FirstOfSource << 8;

    /// <summary>The descriptor is closed.</summary>
    internal const int Closed = Completion.FirstOfSource << 9;

    /// <summary>No byte has moved for the time of the idle timeout, which comes with it.</summary>
    internal const int TimedOut = Completion.FirstOfSource << 10;
}
