using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Connections;

/// <summary>The settings that all connections of an endpoint share.</summary>
internal sealed record ConnectionSettings
{
    /// <summary>The scheduling and the cost of this endpoint's callbacks.</summary>
    internal required EndpointProfile Endpoint { get; init; }

    /// <summary>End aborted connections with FIN instead of RST: Kestrel's <c>FinOnError</c> switch.</summary>
    internal required bool FinOnError { get; init; }

    /// <summary>Unexamined bytes at which receiving pauses; 0: never.</summary>
    internal required long ReadPauseThreshold { get; init; }

    /// <summary>Unsent bytes from which a flush is pending; 0: never.</summary>
    internal required long WritePauseThreshold { get; init; }

    /// <summary>Milliseconds without a byte after which a connection is aborted; 0: never.</summary>
    internal int IdleTimeout { get; init; }

    /// <summary>
    /// True if the application or another process created the listen socket, whose options the connections inherit.
    /// </summary>
    internal bool InheritsOptions { get; init; }

    internal required ILogger Logger { get; init; }

    /// <summary>
    /// The application has a stream, as over a socket: received bytes come before an error, a failed send leaves the
    /// input alone, and only the stream ends the connection.
    /// </summary>
    internal bool IsStream { get; private init; }

    /// <summary>These settings for connections as streams, whose flushes are over when everything has left.</summary>
    internal ConnectionSettings ForStream() => this with { IsStream = true, WritePauseThreshold = 1 };

    internal long ReadResumeThreshold => Resume(ReadPauseThreshold);

    internal long WriteResumeThreshold => Resume(WritePauseThreshold);

    /// <summary>
    /// Half, as Sockets configures it. <c>PipeOptions</c> raises a threshold of zero to one, because zero could never
    /// be reached.
    /// </summary>
    private static long Resume(long pause) => System.Math.Max(1, pause / 2);
}
