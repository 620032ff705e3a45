using System;
using System.Linq;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>An application that uses its connection's socket without ending it.</summary>
[Trait("Category", "Slow")]
public sealed class SocketUseTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const string Client = "client";

    public static TheoryData<TransportKind, Family> Families => Cases.Cross(OnFdm, [Family.IPv4, Family.Unix]);

    public static TheoryData<TransportKind, Family> FamiliesOnBoth => Cases.Cross(OnBoth, [Family.IPv4, Family.Unix]);

    [Theory, MemberData(nameof(OnFdm))]
    public Task Options_that_it_sets_hold(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, Family.IPv4);
        Socket socket = scene.Connection.GetSocket();
        socket.NoDelay = false;
        socket.ReceiveBufferSize = 20_000;
        socket.SendBufferSize = 30_000;
        socket.Ttl = 33;
        socket.LingerState = new LingerOption(enable: true, seconds: 3);
        socket.ReceiveTimeout = 4_000;
        socket.SendTimeout = 5_000;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 71);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 72);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 9);
        await EchoAsync(scene, "ping");

        Socket again = scene.Connection.GetSocket();
        transcript.Add(App, $"the same: {ReferenceEquals(socket, again)}");
        foreach (string option in SocketOptions.Describe(again))
        {
            transcript.Add(App, option);
        }

        transcript.Add(
            App,
            $"{again.ReceiveBufferSize} {again.SendBufferSize} {again.ReceiveTimeout} {again.SendTimeout} "
                + $"{again.NoDelay} {again.Ttl}");
        await scene.FinishAsync(transcript, scene.ClientOutcomeAsync());
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_linger_of_zero_makes_the_end_of_the_connection_as_abrupt(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, Family.IPv4);
        scene.Connection.GetSocket().LingerState = new LingerOption(enable: true, seconds: 0);
        await scene.Connection.WriteTextAsync("bye");
        transcript.Add(Client, await scene.Client.ReadTextAsync(3));
        await scene.Connection.DisposeAsync().Within();

        // The FIN comes before the reset, and which of them a late client reads is the same on both.
        transcript.Add(Client, await scene.ClientOutcomeAsync());
        await transcript.StepAsync(Client, "send", async () => await SendUntilRefusedAsync(scene.Client));
        transcript.AddLog(scene.Logs);
    });

    [Theory, MemberData(nameof(FamiliesOnBoth))]
    public async Task What_it_sends_itself_goes_between_what_the_transport_sends(TransportKind transport, Family family)
    {
        await using SocketScene scene = await SocketScene.StartAsync(transport, family);
        Socket socket = scene.Connection.GetSocket();
        for (int i = 0; i < 10; i++)
        {
            // The pipe is idle once the client has what was flushed.
            await scene.Connection.WriteTextAsync("pipe;");
            Assert.Equal("pipe;", await scene.Client.ReadTextAsync(5));
            Assert.Equal(7, socket.Send("direct;"u8));
            Assert.Equal(6, await socket.SendAsync("async;"u8.ToArray()).Within());
            Assert.Equal("direct;async;", await scene.Client.ReadTextAsync(13));
        }

        await scene.Connection.DisposeAsync().Within();
        await scene.Client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(FamiliesOnBoth))]
    public async Task A_send_larger_than_the_kernels_buffers_waits_and_sends_all(TransportKind transport, Family family)
    {
        const int Length = 4 * 1024 * 1024;
        await using SocketScene scene = await SocketScene.StartAsync(transport, family, receiveBufferSize: 16 * 1024);
        Socket socket = scene.Connection.GetSocket();
        byte[] bytes = BytePattern.Default.Create(Length);
        Task<int> sending = Task.Run(() => socket.Send(bytes));
        Task<string> receiving = scene.Client.ReadHashAsync(Length);
        Assert.Equal(Length, await sending.Within());
        Assert.Equal(BytePattern.Default.Hash(Length), await receiving);

        sending = SendAllAsync(socket, bytes);
        receiving = scene.Client.ReadHashAsync(Length);
        Assert.Equal(Length, await sending.Within());
        Assert.Equal(BytePattern.Default.Hash(Length), await receiving);
        await EchoAsync(scene, "after it");
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Several_threads_that_ask_at_once_get_the_same_socket(TransportKind transport)
    {
        const int Threads = 4;
        await using SocketScene scene = await SocketScene.StartAsync(transport, Family.IPv4);
        for (int round = 0; round < 10; round++)
        {
            (RawClient client, ConnectionContext connection) = await scene.ConnectAsync();
            Task<Socket>[] asking = [.. Enumerable.Range(0, Threads).Select(_ => Task.Run(connection.GetSocket))];
            string written = await connection.WriteTextAsync("x");
            Assert.Equal("flushed", written);
            Socket[] sockets = await Task.WhenAll(asking).Within();
            Assert.All(sockets, socket => Assert.Same(sockets[0], socket));
            Assert.Equal(client.LocalEndPoint, sockets[0].RemoteEndPoint);
            await client.ReadTextAsync(1);
            await connection.DisposeAsync().Within();
            await client.AssertFinAsync();
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Asking_while_the_connection_ends_gives_a_socket_or_a_dead_one(TransportKind transport)
    {
        await using SocketScene scene = await SocketScene.StartAsync(transport, Family.IPv4);
        for (int round = 0; round < 30; round++)
        {
            (RawClient client, ConnectionContext connection) = await scene.ConnectAsync();
            Task<Socket> asking = Task.Run(connection.GetSocket);
            Task disposing = Task.Run(() => connection.DisposeAsync().AsTask());
            Socket socket = await asking.Within();
            await disposing.Within();
            await client.AssertFinAsync();
            Assert.True(socket.SafeHandle.IsClosed);
            Assert.Throws<ObjectDisposedException>(() => socket.Send("x"u8));
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(Families))]
    public Task The_clients_reset_leaves_it_what_it_knew(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        foreach (bool before in new[] { true, false })
        {
            await using SocketScene scene = await SocketScene.StartAsync(kind, family);
            string remote = scene.Connection.RemoteEndPoint!.ToString()!;
            Socket? socket = before ? scene.Connection.GetSocket() : null;
            scene.Client.Reset();
            await scene.Connection.ClosedAsync();
            socket ??= scene.Connection.GetSocket();
            transcript.Add(App, $"taken before: {before}");
            transcript.Step(
                App, "local", () => $"{EndPoints.Same(scene.Connection.LocalEndPoint, socket.LocalEndPoint)}");

            // A known difference: on TCP the peer's name is lost with the connection unless it was read before, and the
            // reset does not reach the socket (docs/migrating-from-sockets.md).
            bool knows = family == Family.Unix;
            transcript.Step(
                App, "remote", ()
                    => !before && !knows
                        ? "unknown"
                        : $"{string.Equals(remote, socket.RemoteEndPoint?.ToString(), StringComparison.Ordinal)}");
            transcript.Step(App, "connected", () => knows ? $"{socket.Connected}" : "unknown");
            transcript.Step(App, "family", () => $"{socket.AddressFamily} {socket.SocketType} {socket.ProtocolType}");
            transcript.Step(App, "closed", () => $"{socket.SafeHandle.IsClosed} {socket.SafeHandle.IsInvalid}");
            transcript.Step(App, "send", () => $"{socket.Send("x"u8)}");
            transcript.Step(App, "connected after the send", () => $"{socket.Connected}");
            transcript.Step(
                App,
                "shutdown",
                () => !before && !knows ? "unknown" : SocketScene.Apply(socket, SocketOperation.ShutdownBoth));
            await transcript.StepAsync(App, "dispose", async () => await scene.Connection.DisposeAsync());
            transcript.AddLog(scene.Logs);
        }
    });

    [Theory, MemberData(nameof(Families))]
    public Task Its_handle_can_be_held_beyond_the_connections_end(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        foreach (bool abort in new[] { false, true })
        {
            await using SocketScene scene = await SocketScene.StartAsync(kind, family);
            SafeSocketHandle handle = scene.Connection.GetSocket().SafeHandle;
            bool held = false;
            handle.DangerousAddRef(ref held);
            transcript.Add(App, $"held: {held} {handle.IsClosed} {handle.IsInvalid} {handle.DangerousGetHandle() > 0}");
            await scene.Connection.WriteTextAsync("bye");
            transcript.Add(Client, await scene.Client.ReadTextAsync(3));
            // The descriptor's end waits for the holder of the handle; the connection's end does not.
            Task ending = Task.Run(async () =>
            {
                if (abort)
                {
                    scene.Connection.Abort();
                }

                await scene.Connection.DisposeAsync();
            });
            await transcript.StepAsync(Client, "outcome", scene.ClientOutcomeAsync);
            handle.DangerousRelease();
            await transcript.StepAsync(App, "dispose", () => ending);
            transcript.Add(App, $"closed: {handle.IsClosed}");
            transcript.AddLog(scene.Logs);
        }
    });

    private static async Task<int> SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        int sent = 0;
        while (sent < bytes.Length)
        {
            sent += await socket.SendAsync(bytes[sent..]);
        }

        return sent;
    }

    private static async Task EchoAsync(SocketScene scene, string text)
    {
        await scene.Client.SendAsync(text);
        Assert.Equal(text, await scene.Connection.ReadTextAsync(text.Length));
        await scene.Connection.WriteTextAsync(text);
        Assert.Equal(text, await scene.Client.ReadTextAsync(text.Length));
    }

    /// <summary>A kernel may accept some bytes before it knows that the peer has closed.</summary>
    private static async Task<string> SendUntilRefusedAsync(RawClient client)
    {
        try
        {
            while (true)
            {
                await client.SendAsync("x");
                await Task.Yield();
            }
        }
        catch (SocketException)
        {
            return "refused";
        }
    }
}
