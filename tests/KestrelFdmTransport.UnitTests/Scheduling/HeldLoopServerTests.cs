using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>What one loop costs the others that is inside a handler for long.</summary>
[Collection(NonParallel.Name)]
public sealed class HeldLoopServerTests
{
    [Fact]
    public async Task Clients_that_come_while_a_loop_is_held_are_served_by_the_others()
    {
        var options = new FdmTransportOptions { LoopCount = 2, Scheduling = ApplicationScheduling.Inline };
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        EventLoop[] loops = factory.AcquireLoops();
        Task accepting = AcceptAsync(listener);
        LoopFixture.AwaitIdle(loops);
        List<Task> clients = [];
        using (new HeldLoop(loops[1]))
        {
            for (int i = 0; i < 60; i++)
            {
                clients.Add(RunClientAsync(listener.EndPoint));
            }

            // The loop is held until all have been served: with one of them on it, that is never.
            await Task.WhenAll(clients).Within("the answers to all clients");
        }

        factory.ReleaseLoops();
        await listener.UnbindAsync();
        await accepting.Within("the end of all connections");
    }

    private static async Task AcceptAsync(IConnectionListener listener)
    {
        List<Task> connections = [];
        while (await listener.AcceptAsync() is { } connection)
        {
            connections.Add(EchoAsync(connection));
        }

        await Task.WhenAll(connections);
    }

    private static async Task EchoAsync(ConnectionContext connection)
    {
        await Echo.RunAsync(connection.Transport);
        await connection.DisposeAsync();
    }

    private static async Task RunClientAsync(EndPoint endPoint)
    {
        using var client =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(endPoint);
        await client.SendAsync(new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]));
        client.Shutdown(SocketShutdown.Both);
    }
}
