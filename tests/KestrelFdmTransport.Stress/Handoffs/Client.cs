using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Opens one connection after the other until its round is over.</summary>
internal abstract class Client(TransportLifetime round, int seed)
{
    private static int s_tags;

    protected TransportLifetime Round => round;

    /// <summary>What this client does follows from it.</summary>
    protected Random Random { get; } = new(seed);

    protected HandoffCounters Figures => round.Figures;

    internal async Task RunAsync()
    {
        while (!round.IsEnding)
        {
            int tag = Interlocked.Increment(ref s_tags);
            PlannedClose fate = Random.Next(16) switch
            {
                0 => PlannedClose.ClientResets,
                1 => PlannedClose.ServerAborts,
                _ => PlannedClose.Completes,
            };
            try
            {
                await WhileGoingOnAsync(RunAsync(tag, fate));
            }
            catch (TimeoutException)
            {
                Figures.Report($"Connection {tag} ({fate}) got no further: {this}.");
                return;
            }
            catch (SocketException exception)
            {
                if (fate == PlannedClose.Completes && !round.IsBreaking)
                {
                    Figures.Report($"Connection {tag} broke: {exception.SocketErrorCode} {this}.");
                }
            }
        }
    }

    /// <summary>How far the conversation has come: bytes or requests.</summary>
    protected abstract long Progress { get; }

    protected abstract Task ConverseAsync(Socket socket, int tag, PlannedClose fate);

    /// <summary>The connection has ended where it should go on, or the other way round.</summary>
    protected void ReportUnlessBroken(PlannedClose fate, string problem)
    {
        if (fate == PlannedClose.Completes && !round.IsBreaking)
        {
            Figures.Report(problem);
        }
    }

    protected void Reset(Socket socket)
    {
        Figures.CountReset();
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    protected static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    /// <summary>On a busy machine a long conversation takes minutes, but none stands still for one.</summary>
    private async Task WhileGoingOnAsync(Task conversation)
    {
        long before = -1;
        while (true)
        {
            try
            {
                await conversation.WaitAsync(Eventually.Limit);
                return;
            }
            catch (TimeoutException) when (!conversation.IsCompleted && Progress != before)
            {
                before = Progress;
            }
        }
    }

    private async Task RunAsync(int tag, PlannedClose fate)
    {
        using var socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync((IPEndPoint)round.EndPoint);
        await ConverseAsync(socket, tag, fate);
    }
}
