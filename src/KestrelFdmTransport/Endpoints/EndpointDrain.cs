using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelFdmTransport.Endpoints;

/// <summary>Ends the accepting of some listeners, and waits for the end of what they have accepted.</summary>
internal static class EndpointDrain
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// A client that has just connected is about to send, or to agree on TLS. Asked to end before the server has begun
    /// the first request, its connection would end without an answer.
    /// </summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A connection that migrates has no slot for a moment. One that is accepted has its slot before the next look.
    /// </summary>
    private const int EmptyLooks = 2;

    internal static async Task RunAsync(
        FdmConnectionListener[] listeners, EventLoopGroup loops, CancellationToken cancellationToken)
    {
        foreach (FdmConnectionListener listener in listeners)
        {
            listener.StopAccepting(error: null);
        }

        long stopped = Stopwatch.GetTimestamp();
        for (int empty = 0; empty < EmptyLooks; empty++)
        {
            while (HasConnections(listeners, loops.Loops, asks: Stopwatch.GetElapsedTime(stopped) > s_grace))
            {
                empty = 0;
                await Task.Delay(s_period, cancellationToken).ConfigureAwait(false);
            }

            await Task.Delay(s_period, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <param name="asks">Each connection is asked to end when it is idle.</param>
    private static bool HasConnections(FdmConnectionListener[] listeners, EventLoop[] loops, bool asks)
    {
        bool any = false;
        foreach (ConnectionIo io in OpenConnections.Of(loops))
        {
            if (!Array.Exists(listeners, listener => listener.HasAccepted(io)))
            {
                continue;
            }

            any = true;
            if (asks)
            {
                AskToEnd(io.Connection);
            }
        }

        return any;
    }

    /// <summary>
    /// The server has set the feature: HTTP/1.1 says <c>Connection: close</c> with its next response and HTTP/2 says
    /// <c>GOAWAY</c>. Asking again does nothing.
    /// </summary>
    private static void AskToEnd(FdmConnection connection)
    {
        try
        {
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }
        catch (Exception exception)
        {
            // The application's callbacks run in it.
            Log.UnexpectedException(connection.Io.Settings.Logger, connection.ConnectionId, exception);
        }
    }
}
