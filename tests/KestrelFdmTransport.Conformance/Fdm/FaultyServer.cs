using System;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Processes;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// The server whose system calls fail, in a process of its own. For the comparison in the documents
/// <c>CONFORMANCE_FAULTS_ON=Sockets</c> has the cases run on Sockets, where many fail: their output says what has
/// happened.
/// </summary>
internal static class FaultyServer
{
    public static readonly TransportKind Transport =
        Enum.Parse<TransportKind>(
            Environment.GetEnvironmentVariable("CONFORMANCE_FAULTS_ON") ?? nameof(TransportKind.Fdm));

    /// <summary>The thread that waits for events, or one of them.</summary>
    public static string WaitingThread => Transport == TransportKind.Sockets ? ".NET Sockets" : "fdm-loop-0";

    /// <summary>How long a client waits for an answer; on Sockets many wait in vain.</summary>
    public static TimeSpan Patience => Transport == TransportKind.Sockets ? TimeSpan.FromSeconds(3) : Eventually.Limit;

    public static string[] Arguments => ["serve", Transport.ToString(), ServingChild.Loopback];
}
