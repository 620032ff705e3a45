using System;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// With a linger time, <c>close</c> waits until the peer has acknowledged everything, even on a non-blocking
/// descriptor. The client here reads nothing, and other clients use the same loop. (On Sockets a pool thread waits.)
/// </summary>
[Trait("Category", "Slow")]
public sealed class LingerTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int WriteFinEvent = 7;
    private const int Length = 100_000;
    private const int LingerSeconds = 60;

    /// <summary>More than the others need on a busy machine, much less than the linger time.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>With one loop all connections are the same loop's.</summary>
    public static TheoryData<TransportKind> OneLoop
        => new(TransportKind.FdmAdaptiveOneLoop, TransportKind.FdmInlineOneLoop, TransportKind.FdmThreadPoolOneLoop);

    [Theory, MemberData(nameof(OneLoop))]
    public Task A_linger_time_that_connections_inherit_delays_no_other_connection(TransportKind transport)
        => TestAsync(
            transport,
            LingerSeconds,
            static connection => connection.Transport.Output.WriteAsync(BytePattern.Default.Create(Length)).AsTask());

    [Theory, MemberData(nameof(OneLoop))]
    public Task A_linger_time_of_a_socket_that_the_application_has_closed_delays_no_other(TransportKind transport)
        => TestAsync(transport, null, static async connection =>
        {
            Socket socket = connection.GetSocket();
            socket.LingerState = new LingerOption(enable: true, LingerSeconds);
            await connection.Transport.Output.WriteAsync(BytePattern.Default.Create(Length));
            socket.Dispose();
        });

    [Theory, MemberData(nameof(OneLoop))]
    public Task A_linger_time_of_a_socket_that_the_application_keeps_delays_no_other(TransportKind transport)
        => TestAsync(transport, null, static async connection =>
        {
            connection.GetSocket().LingerState = new LingerOption(enable: true, LingerSeconds);
            await connection.Transport.Output.WriteAsync(BytePattern.Default.Create(Length));
        });

    private async Task TestAsync(TransportKind transport, int? inherited, Func<ConnectionContext, Task> answer)
    {
        var setup = new TestServerSetup
        {
            Listen = options => options.Run(connection => ServeAsync(connection, answer)),
            Transport = new TransportSettings { CreateBoundListenSocket = endPoint => Listen(endPoint, inherited) },
        };
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask, setup);
        using RawClient neighbour = await server.ConnectAsync();
        await EchoAsync(neighbour);
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 4096);
        await client.SendAsync("answer");
        client.HalfClose();
        await server.Logs.FindTransportEventAsync(WriteFinEvent).Within();

        for (int i = 0; i < 5; i++)
        {
            await EchoAsync(neighbour).WaitAsync(s_patience);
            using RawClient newcomer = await server.ConnectAsync();
            await EchoAsync(newcomer).WaitAsync(s_patience);
        }

        // The client gets all the same what was sent to it, and the end.
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await client.AssertFinAsync();
    }

    private static Socket Listen(EndPoint endPoint, int? linger)
    {
        // The kernel takes the whole answer, so that the server has nothing to do but to close.
        var socket =
            new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 4 * Length };
        if (linger is { } seconds)
        {
            socket.LingerState = new LingerOption(enable: true, seconds);
        }

        socket.Bind(endPoint);
        return socket;
    }

    private static async Task EchoAsync(RawClient client)
    {
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReadTextAsync(1));
    }

    /// <summary>Echoes; a client that says "answer" and ends gets an answer and the end.</summary>
    private static async Task ServeAsync(ConnectionContext connection, Func<ConnectionContext, Task> answer)
    {
        PipeReader input = connection.Transport.Input;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            bool isWhole = result.IsCompleted;
            if (result.Buffer.Length == 1)
            {
                await connection.Transport.Output.WriteAsync("x"u8.ToArray());
            }
            else if (isWhole && result.Buffer.Length > 1)
            {
                await answer(connection);
                return;
            }

            input.AdvanceTo(result.Buffer.Length > 1 ? result.Buffer.Start : result.Buffer.End, result.Buffer.End);
            if (isWhole)
            {
                return;
            }
        }
    }
}
