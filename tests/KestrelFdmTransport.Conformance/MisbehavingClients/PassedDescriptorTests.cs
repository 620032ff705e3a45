using System.Collections.Generic;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>
/// Clients of a Unix socket that send descriptors along. A pipe ends only when every copy of its other side is closed.
/// </summary>
public sealed class PassedDescriptorTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Count = 100;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Descriptors_that_come_with_bytes_are_closed(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(Family.Unix));
        using Socket client = await ConnectAsync(listener);
        await using ConnectionContext server = await TransportHost.AcceptAsync(listener);
        List<AnonymousPipeServerStream> pipes = Send(client);

        Assert.Equal(new string('x', Count), await server.ReadTextAsync(Count));
        await AssertEndedAsync(pipes);
        await server.WriteTextAsync("y");
        Assert.Equal(1, await client.ReceiveAsync(new byte[10]).Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Passed_descriptors_are_closed_with_the_connection(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport, options => options.MaxReadBufferSize = 1);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(Family.Unix));
        using Socket client = await ConnectAsync(listener);
        ConnectionContext server = await TransportHost.AcceptAsync(listener);
        List<AnonymousPipeServerStream> pipes = Send(client);

        await server.DisposeAsync().Within();
        await AssertEndedAsync(pipes);
    }

    private static async Task<Socket> ConnectAsync(IConnectionListener listener)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(listener.EndPoint).Within();
        return client;
    }

    /// <summary>Sends the far sides of new pipes, and keeps none of them.</summary>
    private static List<AnonymousPipeServerStream> Send(Socket client)
    {
        List<AnonymousPipeServerStream> pipes = [];
        for (int i = 0; i < Count; i++)
        {
            var pipe = new AnonymousPipeServerStream(PipeDirection.In);
            DescriptorMessage.Send(client, (byte)'x', pipe.ClientSafePipeHandle);
            pipe.DisposeLocalCopyOfClientHandle();
            pipes.Add(pipe);
        }

        return pipes;
    }

    private static async Task AssertEndedAsync(List<AnonymousPipeServerStream> pipes)
    {
        foreach (AnonymousPipeServerStream pipe in pipes)
        {
            Assert.Equal(0, await pipe.ReadAsync(new byte[1]).Within("the end of a pipe"));
            await pipe.DisposeAsync();
        }
    }
}
