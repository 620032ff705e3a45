using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// How long a new and an established client wait beside ten times as many greedy connections as the pool has threads,
/// compared with Sockets in the same process. Unless connections take turns, each greedy one keeps its thread until the
/// pool has added more.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class NewConnectionFairnessTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Rounds = 3;

    private static readonly int s_greedy = Math.Min(10 * Environment.ProcessorCount, 40);
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1.5);
    private static readonly ConcurrentDictionary<GreedyTraffic, Task<TimeSpan>> s_onSockets = new();

    private readonly ITestOutputHelper _output = output;

    public static TheoryData<TransportKind, GreedyTraffic> Traffic
    {
        get
        {
            var data = new TheoryData<TransportKind, GreedyTraffic>();
            foreach (GreedyTraffic traffic in Enum.GetValues<GreedyTraffic>())
            {
                data.Add(TransportKind.Fdm, traffic);
                if (Transports.IsFull
                    || traffic is GreedyTraffic.Flushes or GreedyTraffic.WebSocketMessages or GreedyTraffic.Downloads)
                {
                    data.Add(TransportKind.FdmThreadPoolTwoLoops, traffic);
                    data.Add(TransportKind.FdmInlineTwoLoops, traffic);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Traffic))]
    public async Task Beside_greedy_connections_others_wait_about_as_long_as_on_Sockets(
        TransportKind transport,
        GreedyTraffic traffic)
    {
        TimeSpan onSockets = await s_onSockets.GetOrAdd(traffic, key => MeasureAsync(TransportKind.Sockets, key));
        TimeSpan here = await MeasureAsync(transport, traffic);

        _output.WriteLine(
            $"{traffic}: {onSockets.TotalMilliseconds:0} ms on Sockets, {here.TotalMilliseconds:0} ms on {transport}");
        Assert.InRange(here, TimeSpan.Zero, (3 * onSockets) + s_grace);
    }

    /// <summary>The median wait.</summary>
    private static async Task<TimeSpan> MeasureAsync(TransportKind transport, GreedyTraffic traffic)
    {
        bool isRaw = traffic is GreedyTraffic.SmallReads or GreedyTraffic.TentativeReads or GreedyTraffic.Flushes;
        bool isHttp2 = traffic is GreedyTraffic.Pings or GreedyTraffic.WindowUpdates;

        // A request's token needs a thread of the pool. Handlers whose writes all succeed may hold these for minutes.
        using var over = new CancellationTokenSource();
        int endpoints = 0;
        var setup = new TestServerSetup
        {
            EndPoints = [TestServerSetup.FreeLoopbackPort, TestServerSetup.FreeLoopbackPort],
            Listen = options =>
            {
                bool isForGreedy = endpoints++ == 0;
                options.Protocols = isHttp2 && isForGreedy ? HttpProtocols.Http2 : HttpProtocols.Http1;
                if (isRaw && isForGreedy)
                {
                    options.Run(ServeRawAsync);
                }
            },
            Pipeline = app => app.UseWebSockets(),
            AbortsWhenStopping = true,
            ShutdownTimeout = TimeSpan.FromSeconds(1),
        };
        TestServer server = await TestServer.StartAsync(
            transport, context => ServeAsync(context, over.Token), setup);
        try
        {
            TimeSpan[] waits = [];
            var measuring = new Thread(() => waits = Measure(server.EndPoints[0], server.EndPoints[1], traffic))
            {
                IsBackground = true
            };
            measuring.Start();
            await Task.Factory.StartNew(measuring.Join, TaskCreationOptions.LongRunning);
            Array.Sort(waits);
            return waits[waits.Length / 2];
        }
        finally
        {
            await over.CancelAsync();
            await server.StopAsync();
        }
    }

    private static TimeSpan[] Measure(EndPoint greedy, EndPoint others, GreedyTraffic traffic)
    {
        using Socket present = Connect(others);
        Ask(present);
        using var clients = new GreedyClients(greedy, traffic, s_greedy);
        clients.WaitUntilStarted(s_most);

        // The first new client may come before all of them are being served.
        using (Socket first = Connect(others))
        {
            Ask(first);
        }

        var waits = new TimeSpan[2 * Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            long started = Stopwatch.GetTimestamp();
            using Socket newcomer = Connect(others);
            Ask(newcomer);
            waits[2 * i] = Stopwatch.GetElapsedTime(started);
            started = Stopwatch.GetTimestamp();
            Ask(present);
            waits[(2 * i) + 1] = Stopwatch.GetElapsedTime(started);
            if (waits[2 * i] + waits[(2 * i) + 1] > s_most)
            {
                // It will not get better, and the case must end.
                Array.Fill(waits, waits[2 * i], 0, waits.Length);
                break;
            }
        }

        return waits;
    }

    private static Socket Connect(EndPoint server)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = (int)s_most.TotalMilliseconds
        };
        socket.Connect(server);
        return socket;
    }

    /// <summary>A request that comes too late has waited for as long as that took.</summary>
    private static void Ask(Socket socket)
    {
        byte[] buffer = new byte[4096];
        try
        {
            socket.Send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"u8);
            Assert.True(socket.Receive(buffer) > 0);
        }
        catch (SocketException exception)
            when (exception.SocketErrorCode is SocketError.WouldBlock or SocketError.TimedOut)
        {
            // The time says it.
        }
    }

    private static async Task ServeAsync(HttpContext context, CancellationToken over)
    {
        try
        {
            switch (context.Request.Path.Value)
            {
                case "/socket":
                    await SinkAsync(context);
                    break;
                case "/stream":
                    byte[] row = new byte[100];
                    while (!over.IsCancellationRequested)
                    {
                        await context.Response.BodyWriter.WriteAsync(row);
                    }

                    break;
                case "/body":
                    byte[] piece = new byte[64];
                    while (await context.Request.Body.ReadAsync(piece) > 0)
                    {
                    }

                    break;
                default:
                    await context.Response.WriteAsync("hello");
                    break;
            }
        }
        catch (Exception exception)
            when (exception is System.IO.IOException or OperationCanceledException or WebSocketException)
        {
            // The client has gone.
        }
    }

    private static async Task SinkAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] message = new byte[64];
        while ((
            await socket.ReceiveAsync(
                message.AsMemory(),
                context.RequestAborted)).MessageType != WebSocketMessageType.Close)
        {
        }
    }

    /// <summary>The first byte says what the connection is for.</summary>
    private static async Task ServeRawAsync(ConnectionContext connection)
    {
        try
        {
            PipeReader input = connection.Transport.Input;
            ReadResult result = await input.ReadAsync();
            byte kind = result.Buffer.FirstSpan[0];
            input.AdvanceTo(result.Buffer.GetPosition(1));
            byte[] row = new byte[100];
            while (!result.IsCompleted)
            {
                if (kind == (byte)'w')
                {
                    FlushResult flushed = await connection.Transport.Output.WriteAsync(row);
                    result = new ReadResult(default, isCanceled: false, flushed.IsCompleted);
                    continue;
                }

                if (kind != (byte)'t' || !input.TryRead(out result))
                {
                    result = await input.ReadAsync();
                }

                input.AdvanceTo(result.Buffer.GetPosition(Math.Min(8, result.Buffer.Length)));
            }
        }
        catch (Exception exception)
            when (exception is ConnectionResetException or ConnectionAbortedException or System.IO.IOException)
        {
            // The client has gone.
        }
    }
}
