using System;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>The socket of a connection when descriptors or memory have run out, and who closes its number.</summary>
[Collection(NonParallel.Name)]
[SuppressMessage("Design", "CA1001", Justification = "Each test ends with the asynchronous disposal.")]
public sealed class ConnectionSocketTests : IAsyncLifetime
{
    private readonly FdmTransportFactory _factory =
        new(Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance);
    private IConnectionListener _listener = null!;

    public async Task InitializeAsync() => _listener = await _factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));

    public async Task DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _factory.DisposeAsync();
    }

    [Fact]
    public async Task It_is_there_when_no_descriptor_is_left_and_ends_its_connection_all_the_same()
    {
        (Socket client, ConnectionContext connection) = await ConnectAsync();
        using (new Faults(Syscall.Duplicate, "EMFILE", first: 1, step: 1))
        {
            Socket socket = SocketOf(connection);
            Assert.Equal(client.RemoteEndPoint, socket.LocalEndPoint);
            socket.Dispose();
            await AssertResetAsync(client);
        }

        await connection.DisposeAsync().AsTask().Within("the end of the connection");
        Assert.Throws<ObjectDisposedException>(() => SocketOf(connection).Send([1]));
    }

    [Fact]
    public async Task It_can_be_asked_for_again_when_there_was_no_memory_for_it()
    {
        (Socket client, ConnectionContext connection) = await ConnectAsync();
        using (AtFaultPoint.OutOfMemory(FaultPoint.SocketMade, 1))
        {
            Assert.Throws<OutOfMemoryException>(() => SocketOf(connection));
        }

        Assert.Equal(client.RemoteEndPoint, SocketOf(connection).LocalEndPoint);
        await EndAsync(client, connection);
    }

    [Theory]
    [InlineData("kept")]
    [InlineData("disposed of")]
    [InlineData("closed at once")]
    [InlineData("handle disposed of")]
    public async Task No_descriptor_is_left_of_it(string what)
    {
        const int Count = 20;
        await EndAsync(await ConnectAsync());
        int before = Descriptors();
        for (int i = 0; i < Count; i++)
        {
            (Socket client, ConnectionContext connection) = await ConnectAsync();
            int connected = Descriptors();
            Socket socket = SocketOf(connection);
            Assert.InRange(Descriptors(), 0, connected);
            switch (what)
            {
                case "disposed of":
                    socket.Dispose();
                    break;
                case "closed at once":
                    socket.Close(0);
                    break;
                case "handle disposed of":
                    socket.SafeHandle.Dispose();
                    break;
            }

            await EndAsync(client, connection);
        }

        Eventually.Until(() => Descriptors() <= before, "the descriptors of all connections");
    }

    /// <summary>
    /// The number in its handle must stay the connection's for as long as a call has it in its hands.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_waits_when_the_connection_ends_never_has_another_connections_bytes(
        bool applicationDisposes)
    {
        const int Rounds = 50;
        for (int i = 0; i < Rounds; i++)
        {
            (Socket client, ConnectionContext connection) = await ConnectAsync();
            Socket socket = SocketOf(connection);
            using var begun = new ManualResetEventSlim();
            Task<int> receiving = Task.Factory.StartNew(
                () =>
                {
                    begun.Set();
                    try
                    {
                        return socket.Receive(new byte[8]);
                    }
                    catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
                    {
                        return 0;
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            begun.Within("the call");
            if (applicationDisposes)
            {
                await Task.Run(socket.Dispose).Within("the disposal of the socket");
            }
            else
            {
                connection.Abort();
            }

            // Its number is the next one's as soon as it is free.
            (Socket next, ConnectionContext other) = await ConnectAsync();
            await next.SendAsync("secret"u8.ToArray());
            Assert.Equal(0, await receiving.Within("the end of the call"));
            Assert.Equal(
                6,
                (await other.Transport.Input.ReadAtLeastAsync(6).AsTask().Within("the other's bytes")).Buffer.Length);
            await EndAsync(client, connection);
            await EndAsync(next, other);
        }
    }

    [Fact]
    public async Task Disposing_of_its_handle_alone_does_not_take_the_connections_number_away()
    {
        (Socket client, ConnectionContext connection) = await ConnectAsync();
        SocketOf(connection).SafeHandle.Dispose();
        (Socket next, ConnectionContext other) = await ConnectAsync();
        await client.SendAsync("mine"u8.ToArray());
        Assert.Equal(
            4,
            (await connection.Transport.Input.ReadAtLeastAsync(4).AsTask().Within(
                "the connection's bytes")).Buffer.Length);
        await EndAsync(client, connection);
        await next.SendAsync("other"u8.ToArray());
        Assert.Equal(
            5,
            (await other.Transport.Input.ReadAtLeastAsync(5).AsTask().Within("the other's bytes")).Buffer.Length);
        await EndAsync(next, other);
    }

    [Fact]
    public async Task A_number_that_the_application_takes_out_of_its_handle_is_the_applications()
    {
        (Socket client, ConnectionContext connection) = await ConnectAsync();
        SafeSocketHandle handle = SocketOf(connection).SafeHandle;
        int number = (int)handle.DangerousGetHandle();
        handle.SetHandleAsInvalid();
        await EndAsync(client, connection);
        Assert.True(FileIdentity.TryGet(number, out _));
        Assert.Equal(0, Sys.Close(number));
        await EndAsync(await ConnectAsync());
    }

    [Fact]
    public async Task Two_threads_may_dispose_of_it_while_the_connection_ends()
    {
        for (int i = 0; i < 50; i++)
        {
            (Socket client, ConnectionContext connection) = await ConnectAsync();
            Socket socket = SocketOf(connection);
            await Task.WhenAll(Task.Run(socket.Dispose), Task.Run(() => socket.Close(0)), Task.Run(connection.Abort))
                .Within("all of them");
            await EndAsync(client, connection);
            Assert.Throws<ObjectDisposedException>(() => socket.Send([1]));
        }
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static Socket SocketOf(ConnectionContext connection)
        => connection.Features.Get<IConnectionSocketFeature>()!.Socket;

    private static Task EndAsync((Socket Client, ConnectionContext Connection) both)
        => EndAsync(both.Client, both.Connection);

    private static async Task EndAsync(Socket client, ConnectionContext connection)
    {
        client.Dispose();
        await connection.DisposeAsync().AsTask().Within("the end of the connection");
    }

    private static async Task AssertResetAsync(Socket client)
    {
        Task<int> receiving = client.ReceiveAsync(new byte[1].AsMemory()).AsTask();
        SocketException reset = await Assert.ThrowsAsync<SocketException>(
            () => receiving.Within("the end of the client"));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    private async Task<(Socket Client, ConnectionContext Connection)> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(_listener.EndPoint);
        ConnectionContext? connection = await _listener.AcceptAsync().AsTask().Within("a connection");
        return (client, connection!);
    }
}
